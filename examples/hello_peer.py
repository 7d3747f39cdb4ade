#!/usr/bin/python3
"""A libzmq program that talks to examples/hello.c, which it starts itself.

    hello_peer.py PATH-OF-HELLO [COUNT]
"""
import subprocess
import sys

import zmq

count = int(sys.argv[2]) if len(sys.argv) > 2 else 5
server = subprocess.Popen([sys.argv[1], str(count)], stdout=subprocess.PIPE,
                          text=True)


def show_server():
    line = server.stdout.readline()
    print(line, end='', flush=True)
    return line


endpoint = show_server().split()[-1]
context = zmq.Context()
socket = context.socket(zmq.REQ)
socket.setsockopt(zmq.RCVTIMEO, 10000)
socket.setsockopt(zmq.LINGER, 0)
socket.connect(endpoint)
print(f'libzmq: version {zmq.zmq_version()}, connected', flush=True)
try:
    for number in range(1, count + 1):
        socket.send_string(f'hello number {number}')
        reply = socket.recv_string()
        show_server()
        print(f'libzmq: "{reply}"', flush=True)
except zmq.Again:
    server.terminate()
    sys.exit('no reply within ten seconds')
finally:
    context.destroy()
sys.exit(server.wait(timeout=10))
