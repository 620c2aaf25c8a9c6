#!/usr/bin/env python3
"""The policies of iam-stack.yaml against the calls that the client layer makes:
a call without a permission fails, and a permission without a call. TAP."""
import glob
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

TOP = os.path.join(HERE, '../..')

# What needs no permission, or asks for those of its parts.
FREE = {'sts:GetCallerIdentity', 'sts:AssumeRole',
        'sts:AssumeRoleWithWebIdentity', 'dynamodb:TransactWriteItems'}

# Requests of S3 have no name; a function of lib/aws/s3*.c has these actions.
S3 = {
    'pp_s3_put': ['PutObject', 'PutObjectTagging'],
    'pp_s3_put_file': ['PutObject', 'PutObjectTagging',
                       'AbortMultipartUpload'],
    'pp_s3_head': ['GetObject'],
    'pp_s3_get': ['GetObject'],
    'pp_s3_get_range': ['GetObject'],
    'pp_s3_list': ['ListBucket'],
    'pp_s3_delete': ['DeleteObject'],
    'pp_s3_delete_all': ['DeleteObject'],
    'pp_s3_presign': ['GetObject', 'PutObject'],
    'pp_s3_restore': ['RestoreObject'],
}
S3_SILENT = {'pp_s3_new', 'pp_s3_free', 'pp_s3_path', 'pp_s3_sum_header',
             'pp_s3_request', 'pp_s3_failed', 'pp_s3_new_headers',
             'pp_s3_xml_read', 'pp_s3_xml_put'}

# Permissions that no call of ours has, and why they are there.
WITHOUT_CALL = {
    'iam:PassRole': 'RunTask hands the roles to the task',
    'ecs:TagResource': 'RunTask tags what it starts',
    'kms:Decrypt': 'S3 and DynamoDB ask for it, with a key of one\'s own',
    'kms:GenerateDataKey': 'the same',
}
# What ECS and EventBridge do by roles of their own, not our programs.
OTHERS = {'ECSExecutionRole', 'EventsRole', 'GitHubRole'}


def source(pattern):
    for path in sorted(glob.glob(os.path.join(TOP, pattern))):
        with open(path, encoding='utf-8') as file:
            yield path, file.read()


def calls():
    """Actions that the sources under lib ask for."""
    found = set()
    for path, text in source('lib/aws/*.c'):
        name = os.path.basename(path)
        if name == 'dynamodb.c':
            found |= {'dynamodb:' + n for n in re.findall(
                r'pp_ddb_call\(\w+, "(\w+)"', text)}
            # parts of a transaction, and single writes by their kind
            found |= {'dynamodb:' + n for n in re.findall(
                r'"((?:Put|Update|Delete)Item)"', text)}
            if '"ConditionCheck"' in text:
                found.add('dynamodb:ConditionCheckItem')
            if '"Query"' in text:
                found.add('dynamodb:Query')
        elif name == 'ecs.c':
            found |= {'ecs:' + n for n in re.findall(
                r'\bcall\(\w+, "(\w+)"', text)}
        elif name == 'logs.c':
            found |= {'logs:' + n for n in re.findall(
                r'"Logs_20140328\.(\w+)"', text)}
        elif name in ('sns.c', 'sts.c'):
            found |= {name[:3] + ':' + n for n in re.findall(
                r'Action=(\w+)', text)}
        elif name.startswith('s3'):
            for function in re.findall(r'^(pp_s3_\w+)\(', text, re.M):
                if function not in S3_SILENT:
                    found |= {'s3:' + a for a in S3[function]}
    for _, text in source('lib/model/*.c'):
        if '/converse' in text or '/invoke' in text:
            found.add('bedrock:InvokeModel')
        if 'guardrailConfig' in text:
            found.add('bedrock:ApplyGuardrail')
    return found


def permissions():
    """{resource: actions} of the roles and policies of our programs."""
    root = nest.Template(os.path.join(TOP, 'infra/cloudformation'),
                         nest.ROOT)
    values = {'AdminEmail': 'a@example.com', 'TemplatesBucketName': 'bucket',
              'TemplatesPrefix': 'prefix', 'KmsKeyArn': 'arn:x'}
    stack = nest.Context(root, values, ('aws', 'us-east-1', '123456789012'),
                         's').resolve()['members']['IAMStack']
    result = {}
    for logical, resource in stack['resources'].items():
        properties = resource['Properties']
        documents = [p['PolicyDocument']
                     for p in properties.get('Policies', [])]
        if 'PolicyDocument' in properties:
            documents.append(properties['PolicyDocument'])
        if logical not in OTHERS:
            result[logical] = {
                action for document in documents
                for statement in document['Statement']
                for action in ([statement['Action']] if isinstance(
                    statement['Action'], str) else statement['Action'])}
    return result


def report(number, name, wrong):
    for line in sorted(wrong):
        print('#', line)
    print('not ok' if wrong else 'ok', number, '-', name)


def main():
    asked = calls() - FREE
    given = permissions()
    union = set().union(*given.values())
    print('1..5')
    report(1, 'the calls are found', set() if {
        'dynamodb:GetItem', 'ecs:RunTask', 'sns:Publish',
        'bedrock:InvokeModel', 's3:ListBucket'} <= asked else
        {'only these: %s' % sorted(asked)})
    report(2, 'every call has a permission', asked - union)
    report(3, 'every permission has a call',
           union - asked - set(WITHOUT_CALL))
    report(4, 'every reason is still needed', set(WITHOUT_CALL) - union)
    # the one who looks writes nothing
    report(5, 'reading changes nothing', {
        a for a in given['ReadOnlyPolicy']
        if not re.match(r'\w+:(Get|BatchGet|Query|List|Filter|Decrypt)', a)})


main()
