"""Runs the AWS CLI for tests/infra/cli.py, which is put into PATH as `aws`.

usage: cli_server.py SOCKET

The CLI takes a second to load; a test of the deploy script calls it thirty
times. Here it is loaded once, and each call is a fork of this process that
gets the caller's arguments, environment, folder and descriptors.
"""
import array
import functools
import gc
import json
import os
import signal
import socket
import sys


def receive(connection):
    data, fds = b'', array.array('i')
    while not data.endswith(b'\n'):
        part, ancillary, _, _ = connection.recvmsg(
            1 << 20, socket.CMSG_LEN(3 * fds.itemsize))
        if not part:
            break
        for level, kind, raw in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds.frombytes(raw[:len(raw) - len(raw) % fds.itemsize])
        data += part
    return json.loads(data), list(fds)


def call(main, request, fds):
    for number, fd in enumerate(fds):
        os.dup2(fd, number)
    data_path = os.environ['AWS_DATA_PATH']     # set when it was loaded
    os.environ.clear()
    os.environ.update(request['environ'], AWS_DATA_PATH=data_path)
    os.chdir(request['cwd'])
    sys.argv = ['aws'] + request['argv']
    sys.stdin = open(0, encoding='utf-8', closefd=False)
    sys.stdout = open(1, 'w', encoding='utf-8', closefd=False)
    sys.stderr = open(2, 'w', encoding='utf-8', closefd=False)
    sys.__stdout__, sys.__stderr__ = sys.stdout, sys.stderr
    try:
        status = main()
    except SystemExit as end:
        status = end.code
    except BaseException as error:      # as the interpreter would
        print(error, file=sys.stderr)
        status = 255
    sys.stdout.flush()
    sys.stderr.flush()
    return status if isinstance(status, int) else 0


SERVICES = ('bedrock', 'cloudformation', 'dynamodb', 'ec2', 's3',
            'service-quotas', 'sts')


def keep_models():
    """What each call would read again: the models of the services."""
    import botocore.loaders
    loader = botocore.loaders.JSONFileLoader
    loader.load_file = functools.lru_cache(maxsize=None)(loader.load_file)


def warm():
    import awscli.clidriver
    session = awscli.clidriver.create_clidriver().session
    for service in SERVICES:
        session.create_client(service, 'us-east-1')


def main():
    import awscli.clidriver
    import awscli.customizations.s3.subcommands     # noqa: F401
    keep_models()
    warm()
    gc.freeze()
    server = socket.socket(socket.AF_UNIX)
    server.bind(sys.argv[1])
    server.listen(64)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        connection, _ = server.accept()
        if os.fork() == 0:
            server.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            request, fds = receive(connection)
            status = call(awscli.clidriver.main, request, fds)
            connection.sendall(b'%d\n' % status)
            connection.close()
            os._exit(0)
        connection.close()


main()
