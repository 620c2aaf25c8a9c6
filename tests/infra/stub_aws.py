#!/usr/bin/env python3
"""A recording stub of what moto does wrong or not at all: CloudFormation's
life of a stack, Bedrock's lists of models, Service Quotas.

usage: stub_aws.py PORT_FILE SCENARIO RECORD

SCENARIO is JSON, read anew for each request:
  create, update, delete, rollback   lists of [status, event...]: what the stack
             becomes with each look at it, and the events of that moment, each
             [logical, type, status, reason, physical]; a list that is over
             stays at its last
  changes    of the change set: "empty", "invalid", or {name: [change]}, where
             the root is "" and a change with ChangeSetId leads to another
  stacks     {name or id: {status, outputs, resources}}; what was created or
             deleted is kept here while the stub runs
  models, profiles, quotas           what the lists hold
RECORD gets a line of JSON for each request.
"""
import json
import re
import sys
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

ACCOUNT = '123456789012'
NAMESPACE = 'http://cloudformation.amazonaws.com/doc/2010-05-15/'
TIME = '2026-11-20T12:00:00Z'
DEFAULTS = {
    'create': [['CREATE_IN_PROGRESS'], ['CREATE_COMPLETE']],
    'update': [['UPDATE_IN_PROGRESS'], ['UPDATE_COMPLETE']],
    'delete': [['DELETE_IN_PROGRESS'], ['DELETE_COMPLETE']],
    'rollback': [['UPDATE_ROLLBACK_IN_PROGRESS'],
                 ['UPDATE_ROLLBACK_COMPLETE']],
}


class Refused(Exception):
    pass


class Stacks:
    """What happens to stacks, as the scenario tells it."""

    def __init__(self, scenario):
        self.file = scenario
        self.lock = threading.Lock()
        with open(scenario, encoding='utf-8') as file:
            given = json.load(file).get('stacks', {})
        self.stacks = {name: self.new(name, **stack)
                       for name, stack in given.items()}
        self.drafts = {}
        self.count = 0

    def scenario(self):
        with open(self.file, encoding='utf-8') as file:
            return dict(DEFAULTS, **json.load(file))

    def new(self, name, status='CREATE_COMPLETE', outputs=None,
            resources=None, events=None, region='us-east-1', **more):
        return dict(more, name=name, status=status, outputs=outputs or {},
                    resources=resources or [], events=events or [],
                    course=[], id=name if name.startswith('arn:') else
                    'arn:aws:cloudformation:%s:%s:stack/%s/1' % (
                        region, ACCOUNT, name))

    def find(self, name, region):
        for stack in self.stacks.values():
            if name == stack['id'] or (
                    name == stack['name'] and
                    ':%s:' % region in stack['id'] and
                    stack['status'] != 'DELETE_COMPLETE'):
                return stack
        raise Refused('Stack with id %s does not exist' % name)

    def start(self, stack, course):
        stack['course'] = [list(step) for step in self.scenario()[course]]
        self.step(stack)

    def step(self, stack):
        if not stack['course']:
            return
        status, *events = stack['course'].pop(0)
        stack['status'] = status
        events.append([stack['name'], 'AWS::CloudFormation::Stack', status])
        for event in events:
            self.count += 1
            stack['events'].insert(0, [str(self.count)] + event)


def field(name, value):
    return '' if value is None else '<%s>%s</%s>' % (
        name, escape(str(value)), name)


def members(name, items):
    return '<%s>%s</%s>' % (name, ''.join(
        '<member>%s</member>' % item for item in items), name)


def listed(query, name):
    """Query's Name.member.N values."""
    result = []
    while '%s.member.%d' % (name, len(result) + 1) in query:
        result.append(query['%s.member.%d' % (name, len(result) + 1)])
    return result


class CloudFormation:
    def __init__(self, stacks, region):
        self.all, self.region = stacks, region

    def find(self, name):
        return self.all.find(name, self.region)

    def ValidateTemplate(self, q):
        if self.all.scenario().get('invalid_template', 'none.yaml') in \
                q['TemplateURL']:
            raise Refused('Template format error: it is not well')
        return members('Parameters', [])

    def CreateStack(self, q):
        name = q['StackName']
        try:
            self.find(name)
        except Refused:
            pass
        else:
            raise Refused('Stack [%s] already exists' % name)
        scenario = self.all.scenario()
        stack = self.all.new(name, outputs=scenario.get('outputs'),
                             resources=scenario.get('resources'),
                             region=self.region)
        self.all.stacks[self.region + name] = stack
        self.all.start(stack, 'create')
        return field('StackId', stack['id'])

    def DescribeStacks(self, q):
        stack = self.find(q['StackName'])
        body = ''.join([
            field('StackId', stack['id']), field('StackName', stack['name']),
            field('StackStatus', stack['status']),
            field('CreationTime', TIME), members('Outputs', [
                field('OutputKey', k) + field('OutputValue', v)
                for k, v in stack['outputs'].items()])])
        self.all.step(stack)
        return members('Stacks', [body])

    def DescribeStackEvents(self, q):
        stack = self.find(q['StackName'])
        return members('StackEvents', [''.join([
            field('EventId', event[0]), field('StackId', stack['id']),
            field('StackName', stack['name']), field('Timestamp', TIME),
            field('LogicalResourceId', event[1]),
            field('ResourceType', event[2]),
            field('ResourceStatus', event[3]),
            field('ResourceStatusReason',
                  event[4] if len(event) > 4 else None),
            field('PhysicalResourceId',
                  event[5] if len(event) > 5 else None)])
            for event in stack['events']])

    def DescribeStackResources(self, q):
        stack = self.find(q['StackName'])
        return members('StackResources', [''.join([
            field('StackName', stack['name']), field('Timestamp', TIME),
            field('LogicalResourceId', r[0]), field('ResourceType', r[1]),
            field('PhysicalResourceId', r[2]),
            field('ResourceStatus', r[3] if len(r) > 3 else
                  'CREATE_COMPLETE')]) for r in stack['resources']])

    def CreateChangeSet(self, q):
        stack = self.find(q['StackName'])
        id = 'arn:aws:cloudformation:%s:%s:changeSet/%s/1' % (
            self.region, ACCOUNT, q['ChangeSetName'])
        self.all.drafts[id] = stack
        return field('Id', id) + field('StackId', stack['id'])

    def DescribeChangeSet(self, q):
        name = q['ChangeSetName']
        changes = self.all.scenario().get('changes', {'': []})
        root = name in self.all.drafts
        if not root and (isinstance(changes, str) or name not in changes):
            raise Refused('ChangeSet [%s] does not exist' % name)
        status, why = 'CREATE_COMPLETE', None
        if changes == 'empty':
            status, changes = 'FAILED', {'': []}
            why = ("The submitted information didn't contain changes. "
                   "Submit different information to create a change set.")
        elif changes == 'invalid':
            status, changes = 'FAILED', {'': []}
            why = 'Parameter [X] is not understood'
        changes = changes['' if root else name]
        return (field('ChangeSetId', name) + field('Status', status) +
                field('StatusReason', why) + members('Changes', [
                    field('Type', 'Resource') +
                    '<ResourceChange>%s</ResourceChange>' % ''.join(
                        field(k, v) for k, v in change.items())
                    for change in changes]))

    def DeleteChangeSet(self, q):
        self.all.drafts.pop(q['ChangeSetName'], None)
        return ''

    def ExecuteChangeSet(self, q):
        self.all.start(self.all.drafts.pop(q['ChangeSetName']), 'update')
        return ''

    def DeleteStack(self, q):
        self.all.start(self.find(q['StackName']), 'delete')
        return ''

    def CancelUpdateStack(self, q):
        self.all.start(self.find(q['StackName']), 'rollback')
        return ''

    def ContinueUpdateRollback(self, q):
        stack = self.find(q['StackName'])
        if stack['status'] != 'UPDATE_ROLLBACK_FAILED':
            raise Refused('Stack is in %s' % stack['status'])
        needed = self.all.scenario().get('skip', [])
        if listed(q, 'ResourcesToSkip') != needed:
            self.all.start(stack, 'rollback_again')
        else:
            self.all.start(stack, 'rollback')
        return ''

    def RollbackStack(self, q):
        stack = self.find(q['StackName'])
        self.all.start(stack, 'rollback')
        return field('StackId', stack['id'])


class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    stacks = record = None

    def log_message(self, *args):
        pass

    def answer(self, status, kind, text):
        body = text.encode()
        self.send_response(status)
        self.send_header('Content-Type', kind)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def note(self, **what):
        with open(self.record, 'a', encoding='utf-8') as file:
            file.write(json.dumps(what) + '\n')

    def do_GET(self):
        scenario, path = self.stacks.scenario(), self.path.split('?')[0]
        self.note(get=path)
        if path == '/foundation-models':
            body = {'modelSummaries': [
                {'modelId': m, 'modelArn': 'arn:aws:bedrock:::' + m}
                for m in scenario.get('models', [])]}
        elif path == '/inference-profiles':
            body = {'inferenceProfileSummaries': [
                {'inferenceProfileId': p, 'inferenceProfileName': p,
                 'inferenceProfileArn': 'arn:aws:bedrock:::' + p,
                 'models': [], 'status': 'ACTIVE', 'type': 'SYSTEM_DEFINED'}
                for p in scenario.get('profiles', [])]}
        else:
            return self.answer(404, 'application/json', '{}')
        return self.answer(200, 'application/json', json.dumps(body))

    def do_POST(self):
        text = self.rfile.read(int(self.headers['Content-Length'])).decode()
        with self.stacks.lock:
            if 'X-Amz-Target' in self.headers:
                self.quota(json.loads(text))
            else:
                self.query(dict(urllib.parse.parse_qsl(text, True)))

    def quota(self, request):
        quotas = self.stacks.scenario().get('quotas', {})
        self.note(quota=request['QuotaCode'])
        value = quotas.get(request['QuotaCode'])
        if value is None:
            return self.answer(400, 'application/x-amz-json-1.1', json.dumps(
                {'__type': 'NoSuchResourceException', 'Message': 'none'}))
        return self.answer(200, 'application/x-amz-json-1.1', json.dumps(
            {'Quota': {'QuotaCode': request['QuotaCode'], 'Value': value}}))

    def query(self, q):
        region = re.search(r'/\d{8}/([^/]+)/',
                           self.headers.get('Authorization', '')).group(1)
        action = q.pop('Action')
        self.note(action=action, region=region, **q)
        try:
            result = getattr(CloudFormation(self.stacks, region), action)(q)
        except Refused as why:
            return self.answer(400, 'text/xml', (
                '<ErrorResponse xmlns="%s"><Error><Type>Sender</Type>'
                '<Code>ValidationError</Code><Message>%s</Message></Error>'
                '<RequestId>1</RequestId></ErrorResponse>') % (
                    NAMESPACE, escape(str(why))))
        return self.answer(200, 'text/xml', (
            '<%sResponse xmlns="%s"><%sResult>%s</%sResult>'
            '<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata>'
            '</%sResponse>') % (action, NAMESPACE, action, result, action,
                                action))


def main():
    port_file, scenario, record = sys.argv[1:]
    Handler.stacks, Handler.record = Stacks(scenario), record
    server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
    server.daemon_threads = True
    with open(port_file, 'w', encoding='utf-8') as file:
        file.write(str(server.server_address[1]))
    server.serve_forever()


main()
