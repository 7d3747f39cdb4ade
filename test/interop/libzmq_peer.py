"""A libzmq socket in a process of its own that may be killed, driven by the
lines that zuv_peer.c tells of: set-int, set-bytes, bind, connect, send and
close; "message" lines tell what arrives (the peer's id is always "-")."""

import os
import sys

import zmq

from interop import part_of, text_of_received

SENDS_ONLY = ('PUSH', 'PUB')


def say(*words):
  print(*words, flush=True)


def run(socket, words):
  """One command; the answer."""
  name = words[0]
  if name == 'set-int':
    socket.setsockopt(int(words[1]), int(words[2]))
  elif name == 'set-bytes':
    socket.setsockopt(int(words[1]), part_of(words[2]))
  elif name == 'bind':
    socket.bind(words[1])
    return ['ok', socket.getsockopt(zmq.LAST_ENDPOINT).rstrip(b'\0').decode()]
  elif name == 'connect':
    socket.connect(words[1])
  elif name == 'send':
    socket.send_multipart([part_of(word) for word in words[1:]])
  elif name != 'close':
    return ['error', 'unknown']
  return ['ok']


def receive_all(socket):
  while socket.getsockopt(zmq.EVENTS) & zmq.POLLIN:
    parts = socket.recv_multipart()
    say('message', '-', *(text_of_received(part) for part in parts))


def main():
  socket = zmq.Context.instance().socket(getattr(zmq, sys.argv[1]))
  receives = sys.argv[1] not in SENDS_ONLY
  poller = zmq.Poller()
  poller.register(0, zmq.POLLIN)
  if receives:
    poller.register(socket, zmq.POLLIN)
  waiting = b''
  while True:
    ready = dict(poller.poll())
    if socket in ready:
      receive_all(socket)
    if 0 not in ready:
      continue
    data = os.read(0, 65536)
    if not data:
      break
    *lines, waiting = (waiting + data).split(b'\n')
    for line in lines:
      words = line.decode().split()
      try:
        say(*run(socket, words))
      except zmq.ZMQError as error:
        say('error', 'UV_EADDRINUSE' if error.errno == zmq.EADDRINUSE
            else error.errno)
      if words[0] == 'close':
        socket.close()
        zmq.Context.instance().term()
        say('closed')
        return
      if receives:
        receive_all(socket)
  socket.close(0)


if __name__ == '__main__':
  main()
