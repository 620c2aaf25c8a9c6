#!/usr/bin/env python3
"""The nest of infra/cloudformation, resolved in many places, and the checker
itself on broken copies. TAP on stdout."""
import json
import os
import re
import shutil
import sys
import tempfile
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
try:
    import nest
except ImportError as error:
    print('1..0 # SKIP %s' % error)
    sys.exit(0)

INFRA = os.path.join(HERE, '../../infra')
TEMPLATES = os.path.join(INFRA, 'cloudformation')
ACCOUNT = '123456789012'
PLACES = [('aws', 'us-east-1'), ('aws', 'us-west-2'),
          ('aws', 'eu-central-1'), ('aws', 'ap-northeast-1'),
          ('aws', 'sa-east-1'), ('aws-cn', 'cn-north-1'),
          ('aws-us-gov', 'us-gov-west-1')]
BASE = {'AdminEmail': 'a@example.com', 'TemplatesBucketName': 'templates',
        'TemplatesPrefix': 'abc123'}
KEY = 'arn:aws:kms:us-east-1:123456789012:key/1'
SECRET = 'arn:aws:secretsmanager:us-east-1:123456789012:secret:s'
SETS = {
    'defaults': {},
    'staging': {'EnvironmentName': 'staging'},
    'everything': {
        'EnvironmentName': 'development', 'TaskEgress': 'all',
        'InterfaceEndpoints': 'true', 'BucketSuffix': '-b',
        'KmsKeyArn': KEY, 'AccessLogBucket': 'logs',
        'DeletionProtection': 'false', 'VPCCidr': '10.4.0.0/20',
        'CorsOrigins': 'https://a.example,https://b.example',
        'RoleNameSuffix': '-x', 'GitHubRepository': 'a/b',
        'DispatchSchedule': 'rate(5 minutes)',
        'ContainerInsights': 'enabled', 'ModelKey1Arn': SECRET,
        'ModelKey2Arn': SECRET, 'ModelKey3Arn': SECRET},
    'an OIDC provider that is there': {
        'GitHubRepository': 'a/b', 'GitHubOidcProviderArn': 'arn:x'},
    'no budget': {'CreateBudget': 'false'},
}
UNTAGGED = {'AWS::EC2::VPCGatewayAttachment', 'AWS::EC2::Route',
            'AWS::EC2::SubnetRouteTableAssociation',
            'AWS::S3::BucketPolicy', 'AWS::IAM::ManagedPolicy',
            'AWS::Events::Rule', 'AWS::SNS::TopicPolicy',
            'AWS::Budgets::Budget', 'AWS::Logs::ResourcePolicy',
            'AWS::Logs::MetricFilter'}
NAMES = {'BucketName', 'TableName', 'RoleName', 'ManagedPolicyName',
         'RepositoryName', 'LogGroupName', 'ClusterName', 'Family', 'Name',
         'TopicName', 'BudgetName', 'PolicyName', 'AlarmName'}


def resolve(root, place, extra):
    return nest.Context(root, dict(BASE, **extra), place + (ACCOUNT,),
                        'plot-palette').resolve()


def resources(stack):
    """(file, logical, type, properties) of all stacks in it."""
    for logical, r in stack['resources'].items():
        yield stack['file'], logical, r['Type'], r['Properties']
    for member in stack['members'].values():
        yield from resources(member)


def texts(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from texts(key)
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, str):
        yield value


def same(got, expected, what=''):
    assert got == expected, '%s: %r instead of %r' % (what, got, expected)


# ---- ours ----

def test_nothing_is_wrong_with_the_nest(root):
    same(list(nest.findings(root)) + list(nest.groups_findings(root)), [])


def test_members_come_after_what_they_need(root):
    names = nest.order(root)
    same(sorted(names), sorted(root.members))
    for first, second in [('StorageStack', 'IAMStack'),
                          ('DatabaseStack', 'IAMStack'),
                          ('NetworkStack', 'ComputeStack'),
                          ('IAMStack', 'ComputeStack'),
                          ('ComputeStack', 'BudgetStack')]:
        assert names.index(first) < names.index(second), (first, second)


def test_it_resolves_in_every_place_with_every_set(root):
    for place in PLACES:
        partition, region = place
        for name, extra in SETS.items():
            what = '%s in %s' % (name, region)
            stack = resolve(root, place, extra)
            for text in texts({k: v for k, v in stack.items()
                               if k != 'parameters'}):
                if text.startswith('arn:') and text not in (
                        KEY, SECRET, 'arn:x'):
                    same(text.split(':')[1], partition, what)
                for other in re.findall(r'\b[a-z]{2}(?:-gov)?-[a-z]+-\d\b',
                                        text):
                    assert other == region or KEY in text or \
                        SECRET in text, (what, text)
            same('BudgetStack' in stack['members'],
                 name != 'no budget', what)


def test_a_parameter_file_of_each_environment(root):
    for environment, budget, days in [('development', 10, 1),
                                      ('staging', 50, 7),
                                      ('production', 100, 30)]:
        with open(os.path.join(INFRA, 'parameters', environment + '.json'),
                  encoding='utf-8') as file:
            values = {p['ParameterKey']: p['ParameterValue']
                      for p in json.load(file)}
        stack = resolve(root, PLACES[0], values)
        same(stack['parameters']['EnvironmentName'], environment)
        same(stack['parameters']['InitialBudgetLimit'], str(budget))
        same(stack['parameters']['LogRetentionDays'], str(days))
        worker = stack['members']['ComputeStack']['resources']['WorkerTask']
        environ = {e['Name']: e['Value'] for e in worker['Properties'][
            'ContainerDefinitions'][0]['Environment']}
        same(environ['PP_DEFAULT_BUDGET'], str(budget))


def test_names_carry_the_environment_except_productions(root):
    for environment, prefix in [('production', 'plot-palette'),
                                ('staging', 'plot-palette-staging'),
                                ('development', 'plot-palette-development')]:
        stack = resolve(root, PLACES[0], {'EnvironmentName': environment,
                                          'GitHubRepository': 'a/b',
                                          'DispatchSchedule': 'rate(1 day)'})
        for file, logical, kind, properties in resources(stack):
            for key in NAMES & set(properties):
                base = properties[key].rsplit('/', 1)[-1]
                assert base.startswith(prefix), (file, logical, base)
                if environment == 'production':
                    assert 'staging' not in base, base
        tables = [p['TableName'] for _, _, k, p in resources(stack)
                  if k == 'AWS::DynamoDB::Table']
        same(sorted(tables), [prefix + '-' + t for t in (
            'CostTracking', 'Jobs', 'Queue', 'Templates')])


def test_two_environments_and_two_regions_share_no_global_name(root):
    def names(place, extra):
        stack = resolve(root, place, extra)
        return {p[key] for _, kind, k, p in resources(stack)
                for key in ('BucketName', 'RoleName', 'ManagedPolicyName',
                            'BudgetName')
                if key in p and not isinstance(p[key], dict) and
                k in ('AWS::S3::Bucket', 'AWS::IAM::Role',
                      'AWS::IAM::ManagedPolicy', 'AWS::Budgets::Budget')}
    sets = [names(PLACES[0], {}),
            names(PLACES[0], {'EnvironmentName': 'staging'}),
            names(PLACES[2], {'RoleNameSuffix': '-eu-central-1'})]
    for i, one in enumerate(sets):
        for other in sets[i + 1:]:
            same(one & other, set())


def test_everything_is_tagged(root):
    stack = resolve(root, PLACES[0], SETS['everything'])
    for file, logical, kind, properties in resources(stack):
        if kind in UNTAGGED:
            continue
        tags = {t['Key']: t['Value'] for t in properties.get('Tags', [])}
        same({k: tags.get(k) for k in ('Project', 'Environment',
                                       'ManagedBy')},
             {'Project': 'plot-palette', 'Environment': 'development',
              'ManagedBy': 'CloudFormation'}, file + ' ' + logical)
        assert tags.get('Component'), (file, logical)


def test_data_outlives_its_stack(root):
    kept = 0
    for template in root.walk():
        for logical, resource in template.resources.items():
            if resource['Type'] in ('AWS::S3::Bucket',
                                    'AWS::DynamoDB::Table'):
                kept += 1
                same((resource.get('DeletionPolicy'),
                      resource.get('UpdateReplacePolicy')),
                     ('Retain', 'Retain'), logical)
    same(kept, 5)


def test_subnets_leave_room(root):
    for cidr, expected in [
            ('10.0.0.0/16', ['10.0.1.0/24', '10.0.2.0/24', '10.0.3.0/24']),
            ('10.4.16.0/20', ['10.4.17.0/24', '10.4.18.0/24',
                              '10.4.19.0/24'])]:
        stack = resolve(root, PLACES[0], {'VPCCidr': cidr})
        got = [p['CidrBlock'] for _, _, k, p in resources(stack)
               if k == 'AWS::EC2::Subnet']
        same(sorted(got), expected)


def test_tasks_reach_port_443_and_nothing_reaches_them(root):
    for egress, expected in [
            ('https', ('tcp', 443, 443)), ('all', ('-1', None, None))]:
        stack = resolve(root, PLACES[0], {'TaskEgress': egress})
        group = stack['members']['NetworkStack']['resources'][
            'TaskSecurityGroup']['Properties']
        assert 'SecurityGroupIngress' not in group
        rule = group['SecurityGroupEgress'][0]
        same((rule['IpProtocol'], rule.get('FromPort'),
              rule.get('ToPort')), expected)


def statements(stack):
    for file, logical, _, properties in resources(stack):
        documents = [properties.get('PolicyDocument')]
        documents += [p['PolicyDocument']
                      for p in properties.get('Policies', [])]
        for document in documents:
            if isinstance(document, dict) and 'Bucket' not in properties:
                for statement in document['Statement']:
                    yield file, logical, statement


def listed(value):
    return value if isinstance(value, list) else [value]


def test_no_action_is_a_wildcard_and_no_resource_without_reason(root):
    stack, seen = resolve(root, PLACES[0], SETS['everything']), 0
    for file, logical, statement in statements(stack):
        for action in listed(statement['Action']):
            seen += 1
            assert '*' not in action, (file, logical, action)
        for resource in listed(statement['Resource']):
            assert resource != '*' or statement['Sid'].startswith('Any'), (
                file, logical, statement)
    assert seen > 60, seen


def test_roles_have_the_names_that_people_look_for(root):
    stack = resolve(root, PLACES[0], {})
    task = stack['members']['IAMStack']['resources']['ECSTaskRole'][
        'Properties']
    same(task['RoleName'], 'plot-palette-ECSTaskRole')
    assert 'BedrockAccess' in [p['PolicyName'] for p in task['Policies']]
    log = stack['members']['ComputeStack']['resources']['WorkerLog']
    assert log['Properties']['LogGroupName'].startswith(
        '/aws/ecs/plot-palette-')


def test_a_policy_fits_into_its_quota(root):
    """10,240 characters of inline policies a role, 6,144 a managed one."""
    stack = resolve(root, ('aws-us-gov', 'us-gov-west-1'),
                    SETS['everything'])
    for _, logical, kind, p in resources(stack):
        if kind == 'AWS::IAM::Role':
            inline = sum(len(re.sub(r'\s', '', json.dumps(
                x['PolicyDocument']))) for x in p.get('Policies', []))
            assert inline <= 10240, (logical, inline)
        elif kind == 'AWS::IAM::ManagedPolicy':
            size = len(re.sub(r'\s', '', json.dumps(p['PolicyDocument'])))
            assert size <= 6144, (logical, size)


def test_refused_parameters(root):
    for name, value, expected in [
            ('AdminEmail', 'nobody', 'does not match'),
            ('AdminEmail', 'a@b', 'does not match'),
            ('InitialBudgetLimit', '0', 'below 1'),
            ('InitialBudgetLimit', '10001', 'above 10000'),
            ('InitialBudgetLimit', 'ten', 'no number'),
            ('LogRetentionDays', '8', 'none of'),
            ('EnvironmentName', 'test', 'none of'),
            ('VPCCidr', '10.0.0.0/24', 'does not match'),
            ('BucketSuffix', 'Big', 'does not match'),
            ('TemplatesBucketName', '', 'does not match'),
            ('NoSuch', 'x', 'no parameter NoSuch')]:
        try:
            resolve(root, PLACES[0], {name: value})
        except nest.Wrong as wrong:
            assert expected in str(wrong), (name, str(wrong))
        else:
            raise AssertionError('%s=%s was taken' % (name, value))


def test_values_come_from_what_exists(root):
    context = nest.Context(root, dict(BASE), PLACES[0] + (ACCOUNT,), 's')
    context.known = {'StorageStack': {'BucketArn': 'arn:real'},
                     'DatabaseStack': {t + 'TableArn': 'arn:' + t for t in (
                         'Jobs', 'Queue', 'Templates', 'CostTracking')}}
    _, properties = context.resource('IAMStack')
    same(properties['Parameters']['BucketArn'], 'arn:real')
    same(properties['Parameters']['QueueTableArn'], 'arn:Queue')


# ---- broken copies ----

# what, file, text, its replacement, what the checker says
BROKEN = [
    ('a parameter that the member lacks', 'master-stack.yaml',
     '        BucketSuffix: !Ref BucketSuffix',
     '        BucketTail: !Ref BucketSuffix', 'has no parameter BucketTail'),
    ('a parameter that is not handed down', 'master-stack.yaml',
     '        BucketArn: !GetAtt StorageStack.Outputs.BucketArn\n', '',
     'BucketArn is not handed down'),
    ('an output that the member lacks', 'storage-stack.yaml',
     '  BucketArn:\n', '  BucketARN:\n', 'has no Outputs.BucketArn'),
    ('a source that is no member', 'master-stack.yaml',
     '!GetAtt StorageStack.Outputs.BucketArn',
     '!GetAtt BucketStack.Outputs.BucketArn', 'no resource BucketStack'),
    ('a wrong type', 'master-stack.yaml',
     '  CorsMaxAge:\n    Type: Number', '  CorsMaxAge:\n    Type: String',
     'CorsMaxAge is a Number, handed down as a String'),
    ('a list where a text is due', 'network-stack.yaml',
     "    Value: !Join [',', [!Ref PublicSubnet1, !Ref PublicSubnet2, "
     "!Ref PublicSubnet3]]",
     '    Value: [!Ref PublicSubnet1, !Ref PublicSubnet2]',
     'PublicSubnetIds is no text'),
    ('bounds that differ', 'compute-stack.yaml', 'MaxValue: 10000',
     'MaxValue: 1000', None),
    ('bounds of one parameter that differ', 'storage-stack.yaml',
     'MaxValue: 86400', 'MaxValue: 3600',
     'MaxValue of CorsMaxAge is 86400 above and 3600 below'),
    ('a cycle', 'master-stack.yaml',
     'VPCCidr: !Ref VPCCidr',
     'VPCCidr: !GetAtt ComputeStack.Outputs.ClusterName', 'a cycle'),
    ('a cycle within a member', 'network-stack.yaml',
     '    Type: AWS::EC2::InternetGateway\n',
     '    Type: AWS::EC2::InternetGateway\n    DependsOn: DefaultRoute\n',
     'a cycle'),
    ('a condition that is not there', 'iam-stack.yaml',
     'Condition: WithNewProvider', 'Condition: WithOldProvider',
     'no condition WithOldProvider'),
    ('a condition that nobody uses', 'budget-stack.yaml', 'Conditions:\n',
     'Conditions:\n  Idle: !Equals [a, b]\n',
     'condition Idle is not used'),
    ('a parameter that nobody uses', 'storage-stack.yaml',
     'TransitionInDays: !Ref OutputArchiveDays', 'TransitionInDays: 3',
     'parameter OutputArchiveDays is not used'),
    ('an attribute that the type lacks', 'storage-stack.yaml',
     '!GetAtt DataBucket.RegionalDomainName', '!GetAtt DataBucket.Domain',
     'has no Domain'),
    ('a reference to nothing', 'network-stack.yaml',
     'GatewayId: !Ref InternetGateway', 'GatewayId: !Ref Gateway',
     'no parameter or resource Gateway'),
    ('a reference to nothing within a text', 'compute-stack.yaml',
     '${Repository.RepositoryUri}:${ImageTag}',
     '${Repository.RepositoryUri}:${Tag}', 'no parameter or resource Tag'),
    ('what is there under a condition, used without it',
     'iam-stack.yaml', '                - WithNewProvider\n'
     '                - !Ref GitHubOidcProvider\n',
     '                - WithGitHub\n'
     '                - !Ref GitHubOidcProvider\n',
     'GitHubOidcProvider is not there'),
    ('an output under a condition, used without it', 'master-stack.yaml',
     '  AlertsTopicArn:\n    Condition: WithBudget\n',
     '  AlertsTopicArn:\n', 'BudgetStack is not there'),
    ('too few networks', 'network-stack.yaml', '!Cidr [!Ref VPCCidr, 4, 8]',
     '!Cidr [!Ref VPCCidr, 999, 8]', 'has no 999 networks'),
    ('a zone too many', 'network-stack.yaml', "!Select [2, !GetAZs '']",
     "!Select [3, !GetAZs '']", 'Fn::Select 3'),
    ('capabilities of a stack', 'master-stack.yaml',
     '    Type: AWS::CloudFormation::Stack\n    Properties:\n',
     '    Type: AWS::CloudFormation::Stack\n    Properties:\n'
     '      Capabilities: [CAPABILITY_IAM]\n',
     'a stack has no property Capabilities'),
    ('a member whose file is missing', 'master-stack.yaml',
     '/iam-stack.yaml', '/roles-stack.yaml', 'roles-stack.yaml: No such'),
    ('a key twice', 'database-stack.yaml',
     '      BillingMode: PAY_PER_REQUEST\n',
     '      BillingMode: PAY_PER_REQUEST\n'
     '      BillingMode: PAY_PER_REQUEST\n', 'BillingMode is given twice'),
    ('a parameter that no group shows', 'master-stack.yaml',
     'Parameters: [RoleNameSuffix, ', 'Parameters: [', 'RoleNameSuffix is in 0'),
    ('a default that its own bounds refuse', 'storage-stack.yaml',
     'Default: 3600\n    MinValue: 0', 'Default: 3600\n    MinValue: 4000',
     'is 0 above and 4000 below'),
]


def said(folder):
    """All that the checker has to say of the nest in a folder."""
    try:
        root = nest.Template(folder, nest.ROOT)
        wrong = list(nest.findings(root)) + list(nest.groups_findings(root))
        for name, extra in SETS.items():
            try:
                resolve(root, PLACES[0], extra)
            except nest.Wrong as error:
                wrong.append(str(error))
        return wrong
    except nest.Wrong as error:
        return [str(error)]


def broken(file, old, new, expected):
    folder = tempfile.mkdtemp()
    try:
        copy = os.path.join(folder, 'cloudformation')
        shutil.copytree(TEMPLATES, copy)
        path = os.path.join(copy, file)
        with open(path, encoding='utf-8') as f:
            text = f.read()
        assert old in text, 'the copy cannot be broken so'
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text.replace(old, new))
        wrong = said(copy)
        if expected is None:
            assert wrong, 'nothing was found'
            return
        assert any(expected in line for line in wrong), wrong
    finally:
        shutil.rmtree(folder)


def main():
    root = nest.Template(TEMPLATES, nest.ROOT)
    tests = [(name[5:].replace('_', ' '), lambda f=f: f(root))
             for name, f in globals().items() if name.startswith('test_')]
    tests += [('found: ' + b[0], lambda b=b: broken(*b[1:])) for b in BROKEN]
    print('1..%d' % len(tests))
    for number, (name, run) in enumerate(tests, 1):
        try:
            run()
        except Exception:       # every failure is one line of the report
            print(''.join('# %s\n' % line for line in
                          traceback.format_exc().splitlines()), end='')
            print('not ok %d - %s' % (number, name))
        else:
            print('ok %d - %s' % (number, name))


main()
