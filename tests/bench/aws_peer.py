"""usage: aws_peer.py make TABLE | queries TABLE N | converse N IN-FLIGHT

boto3 at what bench_ddb and pp-worker do: prints calls a second, the median of
their latency in us, and us of a processor for each. `make` puts the item that
is asked for. Calls in flight take a thread each.
"""
import concurrent.futures
import sys
import time

import boto3
import botocore.config


def measure(call, n, in_flight=1):
    def timed(_):
        at = time.monotonic()
        call()
        return time.monotonic() - at

    with concurrent.futures.ThreadPoolExecutor(in_flight) as threads:
        list(threads.map(timed, range(in_flight)))
        begun, cpu = time.monotonic(), time.process_time()
        taken = list(threads.map(timed, range(n)))
    cpu = time.process_time() - cpu
    print(f'{n / (time.monotonic() - begun):.0f} '
          f'{sorted(taken)[n // 2] * 1e6:.0f} {cpu / n * 1e6:.0f}')


verb = sys.argv[1]
if verb == 'make':
    boto3.client('dynamodb').put_item(TableName=sys.argv[2], Item={
        'template_id': {'S': 'bench'}, 'version': {'N': '1'},
        'text': {'S': 'x' * 1000}})
elif verb == 'queries':
    dynamodb = boto3.client('dynamodb')
    measure(lambda: dynamodb.query(
        TableName=sys.argv[2], ConsistentRead=True,
        KeyConditionExpression='template_id = :id',
        ExpressionAttributeValues={':id': {'S': 'bench'}}),
        int(sys.argv[3]))
else:
    in_flight = int(sys.argv[3])
    bedrock = boto3.client('bedrock-runtime', config=botocore.config.Config(
        max_pool_connections=in_flight))
    prompt = [{'role': 'user', 'content': [{'text': '0' * 990}]}]
    measure(lambda: bedrock.converse(
        modelId='us.meta.llama3-1-8b-instruct-v1:0', messages=prompt,
        inferenceConfig={'maxTokens': 1024}), int(sys.argv[2]), in_flight)
