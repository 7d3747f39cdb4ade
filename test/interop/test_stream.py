"""STREAM, against plain sockets and against libzmq's STREAM."""

import socket

from interop import *


def read_exactly(connection, size):
  data = bytearray()
  while len(data) < size:
    chunk = connection.recv(min(size - len(data), MiB))
    if not chunk:
      raise AssertionError(f'end after {len(data)} of {size} bytes')
    data += chunk
  return bytes(data)


def host_and_port(endpoint):
  host, port = endpoint[len('tcp://'):].rsplit(':', 1)
  return host, int(port)


class Stream(InteropTest):
  def chunks(self, stream, peer, size, seed=0):
    """A Pattern arrives in chunks of any size."""
    taken = 0
    while taken < size:
      self.assertLess(taken, size)
      chunk = stream.receive()
      self.assertEqual(len(chunk), 2)
      self.assertEqual(bytes(chunk[0]), bytes(peer))
      if chunk[1] != Pattern(len(chunk[1]), (seed + taken) % PERIOD):
        raise AssertionError(f'wrong bytes after {taken}')
      taken += len(chunk[1])
    self.assertEqual(taken, size)

  def new_peer(self, stream):
    """Its connection is told as an empty message."""
    peer, empty = stream.receive()
    self.assertEqual((len(peer), peer[0], empty), (5, 0, b''))
    return peer

  def plain(self, stage):
    """A zuv STREAM and a plain socket, connected."""
    stream = stage.zuv('STREAM')
    if stage.zuv_binds:
      endpoint = stream.bind('tcp://127.0.0.1:*')
      connection = socket.create_connection(host_and_port(endpoint), DEADLINE)
    else:
      with socket.create_server(('127.0.0.1', 0)) as listener:
        listener.settimeout(DEADLINE)
        stream.connect('tcp://127.0.0.1:%d' % listener.getsockname()[1])
        connection, _ = listener.accept()
    connection.settimeout(DEADLINE)
    self.addCleanup(connection.close)
    stream.wait_event('ready')
    return stream, connection, self.new_peer(stream)

  @each_direction
  def test_plain_bytes(self, stage):
    stream, connection, peer = self.plain(stage)
    for size in (1, 2, 255, 8192, 8193, 65536, MiB):
      connection.sendall(Pattern(size))
      self.chunks(stream, peer, size)
      stream.send(peer, Pattern(size, 9))
      self.same([read_exactly(connection, size)], [Pattern(size, 9)])

  @each_direction
  def test_plain_largest(self, stage):
    """64 MiB each way at once."""
    stream, connection, peer = self.plain(stage)
    sending = threading.Thread(target=connection.sendall,
                               args=(Pattern(LARGEST),))
    sending.start()
    stream.send(peer, Pattern(LARGEST, 5))
    self.same([read_exactly(connection, LARGEST)], [Pattern(LARGEST, 5)])
    self.chunks(stream, peer, LARGEST)
    sending.join()

  @each_direction
  def test_plain_many_small(self, stage):
    """What is sent in pieces comes out as one stream, in order."""
    stream, connection, peer = self.plain(stage)
    stream.flood(MANY, 4, prefix=[peer])
    data = read_exactly(connection, 4 * MANY)
    self.same([data], [b''.join(i.to_bytes(4, 'big') for i in range(MANY))])
    stream.wait_flooded()

  @each_direction
  def test_peer_closes(self, stage):
    stream, connection, peer = self.plain(stage)
    connection.sendall(b'last words')
    connection.shutdown(socket.SHUT_WR)
    self.same(stream.receive(), [peer, b'last words'])
    self.same(stream.receive(), [peer, b''])
    stream.wait_event('disconnected')

  @each_direction
  def test_zuv_closes(self, stage):
    """An empty message ends the connection, after what was sent before."""
    stream, connection, peer = self.plain(stage)
    stream.send(peer, b'last words')
    stream.send(peer, b'')
    self.same([read_exactly(connection, 10)], [b'last words'])
    self.assertEqual(connection.recv(1), b'')
    stream.try_send(peer, b'more', error='UV_EHOSTUNREACH')

  @one_way(zuv_binds=True)
  def test_many_plain_peers(self, stage):
    stream = stage.zuv('STREAM')
    endpoint = stream.bind('tcp://127.0.0.1:*')
    connections = {}
    for i in range(50):
      connection = socket.create_connection(host_and_port(endpoint), DEADLINE)
      self.addCleanup(connection.close)
      connections[bytes(self.new_peer(stream))] = connection
    self.assertEqual(len(connections), 50)
    for peer, connection in connections.items():
      connection.sendall(b'I am ' + peer)
      self.same(stream.receive(), [peer, b'I am ' + peer])
    for peer, connection in connections.items():
      stream.send(peer, b'you are ' + peer)
    for peer, connection in connections.items():
      self.same([read_exactly(connection, 13)], [b'you are ' + peer])

  @one_way(zuv_binds=True)
  def test_no_notices(self, stage):
    stream = stage.zuv('STREAM', {zmq.STREAM_NOTIFY: 0})
    endpoint = stream.bind('tcp://127.0.0.1:*')
    with socket.create_connection(host_and_port(endpoint), DEADLINE) as peer:
      peer.sendall(b'bytes')
      self.assertEqual(stream.receive()[1:], [b'bytes'])
    stream.wait_event('disconnected')
    self.assertIsNone(stream.arrived())

  @one_way(zuv_binds=False)
  def test_connects_again(self, stage):
    """The id outlives the connection."""
    stream = stage.zuv('STREAM')
    with socket.create_server(('127.0.0.1', 0)) as listener:
      listener.settimeout(DEADLINE)
      stream.connect('tcp://127.0.0.1:%d' % listener.getsockname()[1])
      connection, _ = listener.accept()
      peer = self.new_peer(stream)
      connection.close()
      self.same(stream.receive(), [peer, b''])
      connection, _ = listener.accept()
      self.addCleanup(connection.close)
      self.same(stream.receive(), [peer, b''])
      stream.send(peer, b'again')
      self.same([read_exactly(connection, 5)], [b'again'])

  @each_direction
  def test_libzmq_stream(self, stage):
    zuv, other = stage.zuv('STREAM'), stage.libzmq('STREAM')
    if stage.zuv_binds:
      other.connect(zuv.bind('tcp://127.0.0.1:*'))
    else:
      zuv.connect(other.bind('tcp://127.0.0.1:*'))
    ours, theirs = self.new_peer(zuv), self.new_peer(other)
    for size in (1, 8192, 8193, 100000, LARGEST):
      zuv.send(ours, Pattern(size, 3))
      self.chunks(other, theirs, size, 3)
      other.send(theirs, Pattern(size, 4))
      self.chunks(zuv, ours, size, 4)
    other.send(theirs, b'')
    # libzmq closes only while it is called.
    wait_until(lambda: other.arrived() or not zuv.queue('message').empty(),
               'libzmq never closed the connection')
    self.same(zuv.receive(), [ours, b''])

  @each_direction
  def test_libzmq_stream_is_left(self, stage):
    zuv, other = stage.zuv('STREAM'), stage.libzmq('STREAM')
    if stage.zuv_binds:
      other.connect(zuv.bind('tcp://127.0.0.1:*'))
    else:
      zuv.connect(other.bind('tcp://127.0.0.1:*'))
    ours, theirs = self.new_peer(zuv), self.new_peer(other)
    zuv.send(ours, b'')
    self.same(other.receive(), [theirs, b''])


if __name__ == '__main__':
  main()
