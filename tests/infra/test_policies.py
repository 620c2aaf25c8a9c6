#!/usr/bin/env python3
"""Each role and policy of iam-stack.yaml against the calls that its programs
can make, as the sources have them: a call without a permission fails, and a
permission without a call. TAP."""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
try:
    import nest
except ImportError as error:
    print('1..0 # SKIP %s' % error)
    sys.exit(0)
import callgraph

TOP = os.path.join(HERE, '../..')

# What needs no permission, or asks for those of its parts.
FREE = {'sts:GetCallerIdentity', 'sts:AssumeRole',
        'sts:AssumeRoleWithWebIdentity', 'dynamodb:TransactWriteItems'}

# Requests of S3 have no name; a function of lib/aws/s3*.c has these actions.
S3 = {
    'pp_s3_put': ['PutObject', 'PutObjectTagging'],
    'pp_s3_put_file': ['PutObject', 'PutObjectTagging',
                       'AbortMultipartUpload'],
    'pp_s3_put_files': ['PutObject', 'PutObjectTagging',
                        'AbortMultipartUpload'],
    'pp_s3_head': ['GetObject'],
    'pp_s3_get': ['GetObject'],
    'pp_s3_get_range': ['GetObject'],
    'pp_s3_get_ranges': ['GetObject'],
    'pp_s3_get_all': ['GetObject'],
    'pp_s3_list': ['ListBucket'],
    'pp_s3_delete': ['DeleteObject'],
    'pp_s3_delete_all': ['DeleteObject'],
    'pp_s3_presign': ['GetObject', 'PutObject'],
    'pp_s3_restore': ['RestoreObject'],
}
# Who comes to one of these sends something.
SENDERS = {'pp_aws_call', 'pp_aws_send', 'pp_aws_presign'}

# A part of a transaction, or a single write, asks by its kind.
KINDS = {'PUT': 'PutItem', 'UPDATE': 'UpdateItem', 'DELETE': 'DeleteItem'}

# What stands in a body of a file, and the service that it is a call of.
NAMED = {
    'dynamodb.c': ('dynamodb', r'pp_ddb_call\(\w+, "(\w+)"'),
    'ecs.c': ('ecs', r'\bcall\(\w+, "(\w+)"'),
    'sns.c': ('sns', r'Action=(\w+)'),
    'sts.c': ('sts', r'Action=(\w+)'),
    'cred_sts.c': ('sts', r'Action=(\w+)'),
    'logs.c': ('logs', r'"Logs_20140328\.(\w+)"'),
}


def calls_of(graph, node):
    """The actions of one function."""
    name, symbol = node
    path, body = graph.paths[name], graph.bodies[node]
    if name in NAMED:
        service, pattern = NAMED[name]
        for action in re.findall(pattern, body):
            yield '%s:%s' % (service, action)
    if path.startswith('lib/store/'):
        for kind in re.findall(r'\bPP_DDB_(\w+)', body):
            if kind in KINDS:
                yield 'dynamodb:' + KINDS[kind]
    if path.startswith('lib/aws/s3') and symbol.startswith('pp_s3_'):
        sends = SENDERS & {s for _, s in graph.reach([node])}
        for action in S3.get(symbol, ['(%s)' % symbol] if sends else []):
            yield 's3:' + action
    if path.startswith('lib/model/'):
        if '"/converse"' in body or '"/invoke"' in body:
            yield 'bedrock:InvokeModel'
        if 'guardrailConfig' in body:
            yield 'bedrock:ApplyGuardrail'


def calls(graph, starts):
    """{action: a path of functions that comes to it}."""
    found = {}
    led = graph.reach(starts)
    for node in led:
        for action in calls_of(graph, node):
            way, at = [], node
            while at is not None:
                way.append(at[1])
                at = led[at]
            found.setdefault(action, ' < '.join(way))
    return {a: way for a, way in found.items() if a not in FREE}


def permissions():
    """{role or policy: actions}, and the managed policies of each role."""
    root = nest.Template(os.path.join(TOP, 'infra/cloudformation'),
                         nest.ROOT)
    values = {'AdminEmail': 'a@example.com', 'TemplatesBucketName': 'bucket',
              'TemplatesPrefix': 'prefix', 'KmsKeyArn': 'arn:x',
              'ModelKey1Arn': 'arn:x', 'ModelKey1Name': 'KEY',
              'GitHubRepository': 'me/mine'}
    stack = nest.Context(root, values, ('aws', 'us-east-1', '123456789012'),
                         's').resolve()['members']['IAMStack']
    given, managed = {}, {}
    for logical, resource in stack['resources'].items():
        properties = resource['Properties']
        documents = [p['PolicyDocument']
                     for p in properties.get('Policies', [])]
        if 'PolicyDocument' in properties:
            documents.append(properties['PolicyDocument'])
        if not resource['Type'].endswith(('::Role', '::ManagedPolicy')):
            continue
        managed[logical] = properties.get('ManagedPolicyArns', [])
        given[logical] = {
            action for document in documents
            for statement in document['Statement']
            for action in ([statement['Action']] if isinstance(
                statement['Action'], str) else statement['Action'])}
    return given, managed


MAINS = [('pp-%s.c' % p, 'main') for p in
         ('seed', 'template', 'job', 'worker', 'export', 'cost')]
KEY = {'kms:Decrypt', 'kms:GenerateDataKey'}    # of one's own, by S3 and others
START = {'ecs:TagResource', 'iam:PassRole'}     # that RunTask asks for

# Who runs what, what is asked for besides, and what of it is left out.
PROGRAMS = {
    # without ListBucket an object that is not there is 403 instead of 404
    'ECSTaskRole': ([('pp-worker.c', 'main')], KEY | {'s3:ListBucket'}, set()),
    'ECSDispatchRole': ([('job_run.c', 'dispatch_run')], KEY | START, set()),
    'OperatorPolicy': (MAINS, KEY | START, set()),
    'ReadOnlyPolicy': (
        [('pp-seed.c', c + '_run') for c in
         ('get', 'list', 'show', 'schema', 'sample')] +
        [('pp-template.c', c + '_run') for c in
         ('get', 'list', 'versions', 'diff', 'fields', 'render')] +
        [('job_look.c', c + '_run') for c in ('list', 'show', 'failed')] +
        [('job_follow.c', c + '_run') for c in ('wait', 'logs')] +
        [('pp-cost.c', 'main')],
        {'kms:Decrypt'},
        {'sns:Publish'}),       # wait --notify writes to others
}

# Roles of AWS's own services: what they do for us, by their documentation.
SERVICES = {
    'ECSExecutionRole': {
        'ecr:GetAuthorizationToken', 'ecr:BatchCheckLayerAvailability',
        'ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer',
        'logs:CreateLogStream', 'logs:PutLogEvents',
        'secretsmanager:GetSecretValue', 'ssm:GetParameters'},
    'EventsRole': {'ecs:RunTask'} | START,
    'GitHubRole': set(),        # all that it may is the operators' policy
}


def differences(asked, given):
    for action in sorted(set(asked) - given):
        yield '%s is called without a permission: %s' % (action, asked[action])
    for action in sorted(given - set(asked)):
        yield '%s is permitted and never called' % action


class Report:
    count = 0

    def __call__(self, name, wrong):
        self.count += 1
        wrong = list(wrong)
        for line in wrong:
            print('#', line)
        print('not ok' if wrong else 'ok', self.count, '-', name)


def broken_graphs(graph):
    """Sources with one call more, or one less: both have to be found."""
    asked, extra = calls(graph, [('pp-worker.c', 'main')]), dict(graph.bodies)
    node = next(n for n in graph.bodies if n[1] == 'pp_ddb_claim')
    graph.bodies[node] = extra[node] + '\npp_s3_delete_all();\n'
    more = calls(graph, [('pp-worker.c', 'main')])
    graph.bodies[node] = extra[node]
    if set(more) - set(asked) != {'s3:DeleteObject'} and \
            's3:DeleteObject' not in asked:
        yield 'a new call of pp_ddb_claim() is not seen'
    node = next(n for n in graph.bodies if n[1] == 'pp_sns_publish')
    graph.bodies[node] = ''
    if 'sns:Publish' in calls(graph, MAINS):
        yield 'a call that is no more is seen still'
    graph.bodies[node] = extra[node]


def main():
    graph = callgraph.Graph(TOP)
    given, managed = permissions()
    report = Report()
    print('1..%d' % (len(PROGRAMS) + len(SERVICES) + 4))
    everything = calls(graph, MAINS)
    report('the calls are found', {
        'dynamodb:GetItem', 'ecs:RunTask', 'sns:Publish', 's3:ListBucket',
        'bedrock:InvokeModel', 'logs:FilterLogEvents'} - set(everything))
    report('every role is looked at',
           set(given) ^ (set(PROGRAMS) | set(SERVICES)))
    for role, (starts, besides, without) in PROGRAMS.items():
        asked = calls(graph, starts)
        asked.update((action, 'asked for by AWS') for action in besides)
        report('calls and permissions of ' + role, differences(
            {a: w for a, w in asked.items() if a not in without},
            given[role]))
    for role, actions in SERVICES.items():
        report('permissions of ' + role, differences(
            dict.fromkeys(actions, 'asked for by AWS'), given[role]))
    report('workflows have what operators have',
           [] if len(managed['GitHubRole']) == 1 and
           'OperatorPolicy' in str(managed['GitHubRole'][0]) else
           ['it has %s' % managed['GitHubRole']])
    report('a call more, and one less, are seen', broken_graphs(graph))


main()
