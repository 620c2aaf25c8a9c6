#!/usr/bin/env python3
"""Resolves a nest of CloudFormation stacks without an account.

usage: nest.py check [OPTION...]         what is wrong, one finding a line
       nest.py order [OPTION...]         the members, each after what it needs
       nest.py values STACK [OPTION...]  parameters of a member, as the CLI's
                                         --parameters takes them
       nest.py flat STACK [OPTION...]    a member as JSON, with the functions
                                         evaluated that moto does not know
       nest.py resolve [OPTION...]       every value of every stack, as JSON

  --templates DIR      (infra/cloudformation beside this folder)
  --parameters FILE    the root's parameters, as in infra/parameters
  --set KEY=VALUE      one more; wins
  --outputs FILE       {"STACK": {"Output": "value"}} of members that exist
  --region R --partition P --account A

The root is master-stack.yaml; a member's file is the last part of its
TemplateURL. Intrinsic functions are evaluated; what AWS would make up (ids,
ARNs) is made up here in the shape that AWS gives it.
"""
import argparse
import functools
import ipaddress
import json
import os
import re
import sys

import yaml

ROOT = 'master-stack.yaml'
STACK = 'AWS::CloudFormation::Stack'
NO_VALUE = object()
SUFFIX = {'aws': 'amazonaws.com', 'aws-cn': 'amazonaws.com.cn',
          'aws-us-gov': 'amazonaws.com'}


class Wrong(Exception):
    """What CloudFormation would refuse."""


# ---- templates ----

class Loader(yaml.SafeLoader):
    """YAML with the short forms of intrinsic functions."""


def tagged(loader, suffix, node):
    name = suffix if suffix in ('Ref', 'Condition') else 'Fn::' + suffix
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if suffix == 'GetAtt':
            value = value.split('.', 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    return {name: value}


def mapping(loader, node, deep=False):
    seen = set()
    for key, _ in node.value:
        if key.value in seen:
            raise Wrong('line %d: %s is given twice' %
                        (key.start_mark.line + 1, key.value))
        seen.add(key.value)
    loader.flatten_mapping(node)
    return {loader.construct_object(k, deep=True):
            loader.construct_object(v, deep=True) for k, v in node.value}


Loader.add_multi_constructor('!', tagged)
Loader.add_constructor('tag:yaml.org,2002:map', mapping)
# A version like 2010-09-09 is text.
Loader.yaml_implicit_resolvers = {
    first: [r for r in rules if r[0] != 'tag:yaml.org,2002:timestamp']
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()}


@functools.lru_cache(maxsize=None)
def parse(text):
    return yaml.load(text, Loader)


class Template:
    def __init__(self, folder, name):
        self.name = name
        path = os.path.join(folder, name)
        try:
            with open(path, encoding='utf-8') as file:
                doc = parse(file.read())
        except OSError as error:
            raise Wrong('%s: %s' % (name, error.strerror)) from None
        except yaml.YAMLError as error:
            raise Wrong('%s: %s' % (name, error)) from None
        self.parameters = doc.get('Parameters', {})
        self.conditions = doc.get('Conditions', {})
        self.resources = doc.get('Resources', {})
        self.outputs = doc.get('Outputs', {})
        self.mappings = doc.get('Mappings', {})
        self.metadata = doc.get('Metadata', {})
        self.members = {}
        for logical, resource in self.resources.items():
            if resource.get('Type') == STACK:
                self.members[logical] = Template(folder, member_file(
                    name, logical, resource))

    def walk(self):
        yield self
        for member in self.members.values():
            yield from member.walk()


def member_file(name, logical, resource):
    url = resource.get('Properties', {}).get('TemplateURL')
    text = url.get('Fn::Sub') if isinstance(url, dict) else url
    if not isinstance(text, str):
        raise Wrong('%s: %s: TemplateURL is not a text' % (name, logical))
    return text.rsplit('/', 1)[-1]


SUB = re.compile(r'\$\{(!?)([^}]*)\}')


def uses(value):
    """(kind, name, attribute) of all that a value refers to."""
    if isinstance(value, list):
        for item in value:
            yield from uses(item)
    if not isinstance(value, dict):
        return
    for key, inner in value.items():
        if key == 'Ref':
            yield 'ref', inner, None
        elif key == 'Condition' and len(value) == 1:
            yield 'condition', inner, None
        elif key == 'Fn::GetAtt':
            name, attribute = (inner.split('.', 1)
                               if isinstance(inner, str) else inner)
            yield 'att', name, attribute
        elif key == 'Fn::Sub':
            text, own = inner if isinstance(inner, list) else (inner, {})
            for literal, name in SUB.findall(text):
                if literal or name in own:
                    continue
                if '.' in name:
                    yield ('att',) + tuple(name.split('.', 1))
                else:
                    yield 'ref', name, None
            yield from uses(own)
        else:
            if key == 'Fn::If':
                yield 'condition', inner[0], None
            yield from uses(inner)


def needs(resource):
    """Logical names that a resource waits for."""
    after = resource.get('DependsOn', [])
    names = set([after] if isinstance(after, str) else after)
    return names | {name for kind, name, _ in uses(
        resource.get('Properties', {})) if kind in ('ref', 'att')}


def order(template):
    """Resources, each after those that it waits for."""
    done, path, result = set(), [], []

    def visit(logical):
        if logical in done:
            return
        if logical in path:
            raise Wrong('%s: a cycle: %s' % (template.name, ' -> '.join(
                path[path.index(logical):] + [logical])))
        path.append(logical)
        for name in sorted(needs(template.resources[logical])):
            if name in template.resources:
                visit(name)
        path.pop()
        done.add(logical)
        result.append(logical)

    for logical in template.resources:
        visit(logical)
    return result


# ---- what AWS makes up ----

def arn(service, text, region=True, account=True):
    return lambda c, l, p: 'arn:%s:%s:%s:%s:%s' % (
        c.partition, service, c.region if region else '',
        c.account if account else '', text(c, l, p))


def given(name):
    return lambda c, l, p: p.get(name) or '%s-%s' % (c.stack, l)


def made(prefix):
    return lambda c, l, p: '%s-%012x' % (prefix, abs(hash_of(c.stack + l)))


def hash_of(text):
    value = 0
    for char in text.encode():
        value = (value * 257 + char) % (1 << 47)
    return value


def repository_uri(c, l, p):
    return '%s.dkr.ecr.%s.%s/%s' % (c.account, c.region, SUFFIX[c.partition],
                                    p['RepositoryName'])


# type -> (what Ref gives, {attribute: what GetAtt gives})
TYPES = {
    'AWS::Budgets::Budget': (given('BudgetName'), {}),
    'AWS::CloudWatch::Alarm': (given('AlarmName'), {}),
    'AWS::DynamoDB::Table': (given('TableName'), {
        'Arn': arn('dynamodb', lambda c, l, p: 'table/' + p['TableName'])}),
    'AWS::EC2::InternetGateway': (made('igw'), {}),
    'AWS::EC2::Route': (made('route'), {}),
    'AWS::EC2::RouteTable': (made('rtb'), {}),
    'AWS::EC2::SecurityGroup': (made('sg'), {'GroupId': made('sg')}),
    'AWS::EC2::Subnet': (made('subnet'), {
        'AvailabilityZone': lambda c, l, p: p['AvailabilityZone']}),
    'AWS::EC2::SubnetRouteTableAssociation': (made('rtbassoc'), {}),
    'AWS::EC2::VPC': (made('vpc'), {
        'CidrBlock': lambda c, l, p: p['CidrBlock']}),
    'AWS::EC2::VPCEndpoint': (made('vpce'), {}),
    'AWS::EC2::VPCGatewayAttachment': (made('attach'), {}),
    'AWS::ECR::Repository': (given('RepositoryName'), {
        'RepositoryUri': repository_uri}),
    'AWS::ECS::Cluster': (given('ClusterName'), {
        'Arn': arn('ecs', lambda c, l, p: 'cluster/' + p['ClusterName'])}),
    'AWS::ECS::TaskDefinition': (arn(
        'ecs', lambda c, l, p: 'task-definition/%s:1' % p['Family']), {}),
    'AWS::Events::Rule': (given('Name'), {}),
    'AWS::IAM::ManagedPolicy': (arn(
        'iam', lambda c, l, p: 'policy/' + p['ManagedPolicyName'], False),
        {}),
    'AWS::IAM::OIDCProvider': (arn(
        'iam', lambda c, l, p: 'oidc-provider/' + p['Url'][8:], False), {}),
    'AWS::IAM::Role': (given('RoleName'), {
        'Arn': arn('iam', lambda c, l, p: 'role/' + p['RoleName'], False)}),
    'AWS::Logs::LogGroup': (given('LogGroupName'), {
        'Arn': arn('logs', lambda c, l, p:
                   'log-group:%s:*' % p['LogGroupName'])}),
    'AWS::Logs::MetricFilter': (made('filter'), {}),
    'AWS::Logs::ResourcePolicy': (given('PolicyName'), {}),
    'AWS::S3::Bucket': (given('BucketName'), {
        'Arn': arn('s3', lambda c, l, p: p['BucketName'], False, False),
        'RegionalDomainName': lambda c, l, p: '%s.s3.%s.%s' % (
            p['BucketName'], c.region, SUFFIX[c.partition])}),
    'AWS::S3::BucketPolicy': (made('policy'), {}),
    'AWS::SNS::Topic': (arn('sns', lambda c, l, p: p['TopicName']), {}),
    'AWS::SNS::TopicPolicy': (made('policy'), {}),
}


# ---- evaluation ----

class Context:
    """One stack with its parameters, in a region of a partition."""

    def __init__(self, template, values, place, stack):
        self.template = template
        self.partition, self.region, self.account = place
        self.stack = stack
        self.values = take_parameters(template, values)
        self.resources = {}     # logical -> properties
        self.children = {}      # logical -> Context
        self.known = {}         # logical -> outputs of a member that exists
        self.deciding = []

    place = property(lambda c: (c.partition, c.region, c.account))

    def fail(self, text):
        raise Wrong('%s: %s' % (self.template.name, text))

    def condition(self, name):
        if name not in self.template.conditions:
            self.fail('no condition %s' % name)
        if name in self.deciding:
            self.fail('condition %s stands on itself' % name)
        self.deciding.append(name)
        result = self.truth(self.template.conditions[name])
        self.deciding.pop()
        return result

    def truth(self, value):
        value = self.value(value)
        if not isinstance(value, bool):
            self.fail('%r is no condition' % (value,))
        return value

    def exists(self, logical):
        resource = self.template.resources[logical]
        return ('Condition' not in resource or
                self.condition(resource['Condition']))

    def ref(self, name):
        pseudo = {'AWS::AccountId': self.account, 'AWS::Region': self.region,
                  'AWS::Partition': self.partition,
                  'AWS::URLSuffix': SUFFIX[self.partition],
                  'AWS::StackName': self.stack, 'AWS::NoValue': NO_VALUE}
        if name in pseudo:
            return pseudo[name]
        if name in self.values:
            return self.values[name]
        if name in self.template.resources:
            kind, properties = self.resource(name)
            if kind not in TYPES:
                self.fail('%s: no word here of what %s is' % (name, kind))
            return TYPES[kind][0](self, name, properties)
        self.fail('no parameter or resource %s' % name)

    def resource(self, logical):
        if logical not in self.template.resources:
            self.fail('no resource %s' % logical)
        if not self.exists(logical):
            self.fail('%s is not there under these conditions' % logical)
        resource = self.template.resources[logical]
        if logical not in self.resources:
            self.resources[logical] = None
            self.resources[logical] = self.value(
                resource.get('Properties', {}))
        return resource['Type'], self.resources[logical]

    def att(self, logical, attribute):
        if logical in self.known and attribute.startswith('Outputs.'):
            outputs = self.known[logical]
            if attribute[8:] not in outputs:
                self.fail('%s has put out no %s' % (logical, attribute[8:]))
            return outputs[attribute[8:]]
        kind, properties = self.resource(logical)
        if kind == STACK:
            if not attribute.startswith('Outputs.'):
                self.fail('%s has no %s' % (logical, attribute))
            return self.child(logical).output(attribute[8:])
        if kind not in TYPES or attribute not in TYPES[kind][1]:
            self.fail('%s: a %s has no %s' % (logical, kind, attribute))
        return TYPES[kind][1][attribute](self, logical, properties)

    def child(self, logical):
        if logical not in self.children:
            _, properties = self.resource(logical)
            self.children[logical] = Context(
                self.template.members[logical],
                properties.get('Parameters', {}), self.place,
                '%s-%s-1A2B3C' % (self.stack, logical))
        return self.children[logical]

    def output(self, name):
        output = self.template.outputs.get(name)
        if output is None:
            self.fail('no output %s' % name)
        if 'Condition' in output and not self.condition(output['Condition']):
            self.fail('output %s is not there under these conditions' % name)
        value = self.value(output['Value'])
        if not isinstance(value, (str, int, float)):
            self.fail('output %s is no text: %r' % (name, value))
        return str(value)

    def value(self, value):
        if isinstance(value, list):
            items = [self.value(item) for item in value]
            return [item for item in items if item is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            name, inner = next(iter(value.items()))
            if name == 'Ref':
                return self.ref(inner)
            if name == 'Condition' and isinstance(inner, str):
                return self.condition(inner)
            if name.startswith('Fn::'):
                function = getattr(self, 'fn_' + name[4:], None)
                if function is None:
                    self.fail('%s is not known here' % name)
                return function(inner)
        items = {key: self.value(inner) for key, inner in value.items()}
        return {k: v for k, v in items.items() if v is not NO_VALUE}

    def fn_GetAtt(self, inner):
        name, attribute = (inner.split('.', 1) if isinstance(inner, str)
                           else inner)
        return self.att(name, attribute)

    def fn_Sub(self, inner):
        text, own = inner if isinstance(inner, list) else (inner, {})
        own = self.value(own)

        def one(match):
            literal, name = match.groups()
            if literal:
                return '${%s}' % name
            if name in own:
                value = own[name]
            elif '.' in name:
                value = self.att(*name.split('.', 1))
            else:
                value = self.ref(name)
            if not isinstance(value, (str, int, float)):
                self.fail('${%s} is no text' % name)
            return str(value)
        return SUB.sub(one, text)

    def fn_If(self, inner):
        if len(inner) != 3:
            self.fail('Fn::If takes three')
        return self.value(inner[1 if self.condition(inner[0]) else 2])

    def fn_Equals(self, inner):
        left, right = self.value(inner)
        return str(left) == str(right)

    def fn_Not(self, inner):
        return not self.truth(inner[0])

    def fn_And(self, inner):
        return all([self.truth(item) for item in inner])

    def fn_Or(self, inner):
        return any([self.truth(item) for item in inner])

    def fn_Join(self, inner):
        items = self.value(inner[1])
        if not isinstance(items, list):
            self.fail('Fn::Join of %r' % (items,))
        return inner[0].join(str(item) for item in items)

    def fn_Split(self, inner):
        return self.value(inner[1]).split(inner[0])

    def fn_Select(self, inner):
        index, items = int(self.value(inner[0])), self.value(inner[1])
        if not isinstance(items, list) or not 0 <= index < len(items):
            self.fail('Fn::Select %d of %r' % (index, items))
        return items[index]

    def fn_GetAZs(self, inner):
        region = self.value(inner) or self.region
        return [region + letter for letter in 'abc']

    def fn_Cidr(self, inner):
        block, count, bits = self.value(inner)
        nets = list(ipaddress.ip_network(block).subnets(
            new_prefix=32 - int(bits)))
        if len(nets) < int(count):
            self.fail('%s has no %s networks of %s bits' %
                      (block, count, bits))
        return [str(net) for net in nets[:int(count)]]

    def fn_FindInMap(self, inner):
        table, first, second = self.value(inner)
        try:
            return self.template.mappings[table][first][second]
        except KeyError:
            self.fail('no %s in the maps' % '.'.join(
                map(str, (table, first, second))))

    def resolve(self):
        """Everything of this stack and those in it."""
        result = {'file': self.template.name, 'parameters': {
            k: v for k, v in self.values.items()}, 'resources': {},
            'outputs': {}, 'members': {}}
        for logical in order(self.template):
            if not self.exists(logical):
                continue
            kind, properties = self.resource(logical)
            result['resources'][logical] = {'Type': kind,
                                            'Properties': properties}
            if kind == STACK:
                result['members'][logical] = self.child(logical).resolve()
        for name, output in self.template.outputs.items():
            if 'Condition' in output and not self.condition(
                    output['Condition']):
                continue
            result['outputs'][name] = self.output(name)
            export = self.value(output.get('Export', {})).get('Name')
            if export is not None and not re.match(r'^[\w:-]+$', export):
                self.fail('%s cannot be an export\'s name' % export)
        return result


def take_parameters(template, values):
    """The values as the stack takes them, defaults filled in."""
    result = {}
    for name in values:
        if name not in template.parameters:
            raise Wrong('%s: no parameter %s' % (template.name, name))
    for name, declared in template.parameters.items():
        if name in values:
            value = values[name]
        elif 'Default' in declared:
            value = declared['Default']
        else:
            raise Wrong('%s: %s is not given' % (template.name, name))
        result[name] = take_parameter(template, name, declared, value)
    return result


def take_parameter(template, name, declared, value):
    def fail(text):
        raise Wrong('%s: %s: %s' % (template.name, name, text))

    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        fail('%r is no text' % (value,))
    text, kind = str(value), declared['Type']
    if kind == 'Number':
        try:
            number = float(text)
        except ValueError:
            fail("'%s' is no number" % text)
        if number < declared.get('MinValue', number):
            fail('%s is below %s' % (text, declared['MinValue']))
        if number > declared.get('MaxValue', number):
            fail('%s is above %s' % (text, declared['MaxValue']))
    elif kind not in ('String', 'CommaDelimitedList'):
        fail('type %s is not known here' % kind)
    allowed = declared.get('AllowedValues')
    if allowed is not None and text not in [str(a) for a in allowed]:
        fail("'%s' is none of %s" % (text, ' '.join(map(str, allowed))))
    pattern = declared.get('AllowedPattern')
    if pattern is not None and not re.fullmatch(pattern, text):
        fail("'%s' does not match %s" % (text, pattern))
    return text.split(',') if kind == 'CommaDelimitedList' else text


# ---- what must be true of the texts ----

def findings(root):
    """What is wrong whatever the parameters are."""
    for template in root.walk():
        yield from local_findings(template)
        for logical, member in template.members.items():
            yield from member_findings(template, logical, member)


def local_findings(template):
    used, place = set(), template.name
    bodies = [(l, r.get('Properties', {}))
              for l, r in template.resources.items()]
    bodies += [(o, d) for o, d in template.outputs.items()]
    bodies += [(c, d) for c, d in template.conditions.items()]
    pseudo = re.compile('^AWS::')
    for where, body in bodies:
        for kind, name, _ in uses(body):
            used.add(name)
            if kind == 'condition':
                if name not in template.conditions:
                    yield '%s: %s: no condition %s' % (place, where, name)
            elif kind == 'att':
                if name not in template.resources:
                    yield '%s: %s: no resource %s' % (place, where, name)
            elif not (pseudo.match(name) or name in template.parameters or
                      name in template.resources):
                yield '%s: %s: no parameter or resource %s' % (
                    place, where, name)
    for logical, item in list(template.resources.items()) + list(
            template.outputs.items()):
        condition = item.get('Condition')
        used.add(condition)
        if condition is not None and condition not in template.conditions:
            yield '%s: %s: no condition %s' % (place, logical, condition)
    for logical, resource in template.resources.items():
        after = resource.get('DependsOn', [])
        for name in [after] if isinstance(after, str) else after:
            if name not in template.resources:
                yield '%s: %s: no resource %s' % (place, logical, name)
    for name in template.parameters:
        if name not in used:
            yield '%s: parameter %s is not used' % (place, name)
    for name in template.conditions:
        if name not in used:
            yield '%s: condition %s is not used' % (place, name)
    try:
        order(template)
    except Wrong as wrong:
        yield str(wrong)


def member_findings(template, logical, member):
    place = '%s: %s' % (template.name, logical)
    properties = template.resources[logical].get('Properties', {})
    known = {'TemplateURL', 'Parameters', 'Tags', 'TimeoutInMinutes',
             'NotificationARNs'}
    for name in properties:
        if name not in known:
            yield '%s: a stack has no property %s' % (place, name)
    handed = properties.get('Parameters', {})
    for name, value in handed.items():
        if name not in member.parameters:
            yield '%s: %s has no parameter %s' % (place, member.name, name)
            continue
        yield from type_findings(template, place, name, value,
                                 member.parameters[name])
    for name, declared in member.parameters.items():
        if name not in handed and 'Default' not in declared:
            yield '%s: %s is not handed down' % (place, name)
    bodies = [r.get('Properties', {}) for r in template.resources.values()]
    bodies += list(template.outputs.values())
    for kind, name, attribute in uses(bodies):
        if kind == 'att' and name == logical and (
                attribute.partition('.')[2] not in member.outputs):
            yield '%s: %s has no %s' % (place, member.name, attribute)


def type_findings(template, place, name, value, declared):
    """A parameter handed on has the same type and bounds above as below."""
    if not (isinstance(value, dict) and list(value) == ['Ref']):
        return
    above = template.parameters.get(value['Ref'])
    if above is None:
        return
    types = above['Type'], declared['Type']
    fits = types[0] == types[1] or types == ('String', 'CommaDelimitedList')
    if not fits:
        yield '%s: %s is a %s, handed down as a %s' % (
            (place, name) + types[::-1])
    for bound in ('MinValue', 'MaxValue', 'AllowedValues', 'AllowedPattern'):
        if above.get(bound) != declared.get(bound):
            yield '%s: %s of %s is %s above and %s below' % (
                place, bound, name, above.get(bound), declared.get(bound))


def groups_findings(root):
    """The console's groups name each parameter once."""
    grouped = [name for group in root.metadata.get(
        'AWS::CloudFormation::Interface', {}).get('ParameterGroups', [])
        for name in group['Parameters']]
    for name in root.parameters:
        if grouped.count(name) != 1:
            yield '%s: %s is in %d of the groups' % (
                root.name, name, grouped.count(name))
    for name in grouped:
        if name not in root.parameters:
            yield '%s: a group has %s, which is no parameter' % (
                root.name, name)


def flat(context, value):
    """Networks and zones by their values, and the branch that is taken: moto
    has no Fn::Cidr, and makes None of AWS::NoValue."""
    if isinstance(value, list):
        items = [flat(context, item) for item in value]
        return [item for item in items if item is not NO_VALUE]
    if not isinstance(value, dict):
        return value
    if value == {'Ref': 'AWS::NoValue'}:
        return NO_VALUE
    if 'Fn::If' in value:
        name, yes, no = value['Fn::If']
        return flat(context, yes if context.condition(name) else no)
    if 'Fn::Select' in value and isinstance(value['Fn::Select'][1], dict):
        if {'Fn::Cidr', 'Fn::GetAZs'} & set(value['Fn::Select'][1]):
            return context.value(value)
    items = {key: flat(context, inner) for key, inner in value.items()}
    return {k: v for k, v in items.items() if v is not NO_VALUE}


def flat_template(context):
    template = context.template

    def there(items):
        return {name: item for name, item in items.items()
                if 'Condition' not in item or
                context.condition(item['Condition'])}
    return {'Parameters': template.parameters,
            'Conditions': template.conditions,
            'Resources': flat(context, there(template.resources)),
            'Outputs': there(template.outputs)}


# ---- the command ----

def options():
    here = os.path.dirname(os.path.abspath(__file__))
    p = argparse.ArgumentParser(usage=__doc__)
    p.add_argument('command', choices=['check', 'order', 'values', 'flat',
                                       'resolve'])
    p.add_argument('stack', nargs='?')
    p.add_argument('--templates', default=os.path.join(
        here, '../../infra/cloudformation'))
    p.add_argument('--parameters')
    p.add_argument('--set', action='append', default=[])
    p.add_argument('--outputs')
    p.add_argument('--region', default='us-east-1')
    p.add_argument('--partition', default='aws')
    p.add_argument('--account', default='123456789012')
    return p.parse_args()


def root_values(o):
    values = {}
    if o.parameters:
        with open(o.parameters, encoding='utf-8') as file:
            values = {item['ParameterKey']: item['ParameterValue']
                      for item in json.load(file)}
    values.update(item.split('=', 1) for item in o.set)
    values.setdefault('TemplatesBucketName', 'templates')
    values.setdefault('TemplatesPrefix', 'none')
    return values


def main():
    o = options()
    root = Template(o.templates, ROOT)
    if o.command == 'check':
        wrong = list(findings(root)) + list(groups_findings(root))
        print('\n'.join(wrong), end='\n' if wrong else '')
        return 1 if wrong else 0
    context = Context(root, root_values(o),
                      (o.partition, o.region, o.account), 'plot-palette')
    if o.command == 'resolve':
        json.dump(context.resolve(), sys.stdout, indent=1)
    elif o.command == 'order':
        for logical in order(root):
            if context.exists(logical):
                print(logical, root.members[logical].name)
    elif o.command == 'flat':
        json.dump(flat_template(context.child(o.stack)), sys.stdout)
    else:
        if o.outputs:
            with open(o.outputs, encoding='utf-8') as file:
                context.known = json.load(file)
        _, properties = context.resource(o.stack)
        take_parameters(root.members[o.stack], properties['Parameters'])
        json.dump([{'ParameterKey': k, 'ParameterValue': str(v)}
                   for k, v in properties['Parameters'].items()], sys.stdout)
    return 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except Wrong as wrong:
        sys.exit('nest.py: %s' % wrong)
