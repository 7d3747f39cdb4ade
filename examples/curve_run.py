#!/usr/bin/env python3
"""Makes keys and lets examples/curve_server.c and examples/curve_client.c talk:
two clients that the server knows, one that it does not, and one that has been
given a wrong key for the server.

    curve_run.py ZUV-KEYGEN CURVE-SERVER CURVE-CLIENT
"""
import pathlib
import subprocess
import sys
import tempfile

keygen, server_program, client_program = (
    str(pathlib.Path(path).resolve()) for path in sys.argv[1:4])
directory = tempfile.TemporaryDirectory()


def output_of(*command, code=0):
    result = subprocess.run(command, cwd=directory.name, timeout=30, text=True,
                            stdout=subprocess.PIPE)
    assert result.returncode == code, result
    return result.stdout


def client(name, server_key='server.public', code=0):
    text = output_of(client_program, endpoint, server_key, name,
                     f'hello from {name}', code=code)
    print(text, end='', flush=True)
    return text


def expect_server(text):
    line = server.stdout.readline()
    print(line, end='', flush=True)
    assert line == text, line


output_of(keygen, 'server')
keys = {name: output_of(keygen, name).strip()
        for name in ('alice', 'bob', 'mallory')}
with open(directory.name + '/clients', 'w', encoding='ascii') as clients:
    clients.write(f'{keys["alice"]} alice\n{keys["bob"]} bob\n')

server = subprocess.Popen([server_program, 'server.secret', 'clients', '2'],
                          cwd=directory.name, stdout=subprocess.PIPE, text=True)
try:
    line = server.stdout.readline()
    print(line, end='', flush=True)
    endpoint = line.split()[3].rstrip(',')

    assert client('alice') == 'client: "welcome, alice" over CURVE\n'
    expect_server('server: alice says "hello from alice"\n')
    assert client('mallory', code=1) == 'client: refused with 400\n'
    expect_server('server: nobody I know, from 127.0.0.1\n')
    assert 'no handshake' in client('bob', 'mallory.public', code=1)
    assert client('bob') == 'client: "welcome, bob" over CURVE\n'
    expect_server('server: bob says "hello from bob"\n')
    code = server.wait(timeout=30)
finally:
    server.kill()
    directory.cleanup()
sys.exit(code)
