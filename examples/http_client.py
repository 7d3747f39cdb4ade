#!/usr/bin/env python3
"""Starts examples/http.c and asks it a few times, as a browser would.

    http_client.py PATH-OF-HTTP
"""
import subprocess
import sys
import urllib.request

COUNT = 3
server = subprocess.Popen([sys.argv[1], str(COUNT)], stdout=subprocess.PIPE,
                          text=True)
url = server.stdout.readline().strip()
print(url)
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
for number in range(1, COUNT + 1):
    with opener.open(f'{url}/page', timeout=10) as response:
        body = response.read().decode()
    print(body, end='')
    assert body == f'Hello 127.0.0.1, this is answer number {number}.\n'
    assert server.stdout.readline() == 'GET /page HTTP/1.1\n'
sys.exit(server.wait(timeout=10))
