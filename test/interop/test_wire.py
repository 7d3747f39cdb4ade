"""The bytes themselves, against a scripted TCP peer: what an older libzmq
says, and what this one never does."""

import socket

from interop import *

SIGNATURE = b'\xff' + b'\0' * 7 + b'\1\x7f'


def greeting(minor, mechanism=b'NULL'):
  return (SIGNATURE + bytes((3, minor)) + mechanism.ljust(20, b'\0') +
          b'\0' * 32)


def command(name, data=b''):
  body = bytes((len(name),)) + name + data
  if len(body) > 255:
    return b'\6' + len(body).to_bytes(8, 'big') + body
  return bytes((4, len(body))) + body


def metadata(name, value):
  return bytes((len(name),)) + name + len(value).to_bytes(4, 'big') + value


def ready(type_name):
  return command(b'READY', metadata(b'Socket-Type', type_name.encode()))


def message(*parts):
  """The frames of a message of short parts."""
  frames = [bytes((1, len(part))) + part for part in parts]
  frames[-1] = b'\0' + frames[-1][1:]
  return b''.join(frames)


class RawPeer:
  """Speaks ZMTP one byte string at a time."""

  def __init__(self, connection):
    self.connection = connection
    connection.settimeout(DEADLINE)

  def send(self, data):
    self.connection.sendall(data)

  def read(self, size):
    data = b''
    while len(data) < size:
      chunk = self.connection.recv(size - len(data))
      if not chunk:
        raise AssertionError(f'end after {data!r}')
      data += chunk
    return data

  def read_frame(self):
    """Flags and body."""
    flags = self.read(1)[0]
    size = int.from_bytes(self.read(8 if flags & 2 else 1), 'big')
    return flags, self.read(size)

  def at_end(self):
    try:
      return self.connection.recv(1) == b''
    except ConnectionResetError:
      return True

  def shake_hands(self, type_name, minor=1):
    self.send(greeting(minor))
    if self.read(64) != greeting(1):
      raise AssertionError('not the greeting of ZMTP 3.1 with NULL')
    self.send(ready(type_name))
    return self.read_frame()


class Wire(InteropTest):
  def meet(self, stage, type_name, options=None):
    """A zuv socket and a raw peer, connected."""
    zuv = stage.zuv(type_name, options)
    if stage.zuv_binds:
      host, port = zuv.bind('tcp://127.0.0.1:*')[len('tcp://'):].split(':')
      connection = socket.create_connection((host, int(port)), DEADLINE)
    else:
      with socket.create_server(('127.0.0.1', 0)) as listener:
        listener.settimeout(DEADLINE)
        zuv.connect('tcp://127.0.0.1:%d' % listener.getsockname()[1])
        connection, _ = listener.accept()
    self.addCleanup(connection.close)
    return zuv, RawPeer(connection)

  def frame(self, raw, flags, body):
    self.assertEqual(raw.read_frame(), (flags, body))

  # ---- The handshake ----

  @each_direction
  def test_greeting_and_ready(self, stage):
    zuv, raw = self.meet(stage, 'DEALER', {zmq.ROUTING_ID: b'me'})
    raw.send(greeting(1))
    # The padding of the signature carries a length for ZMTP 1.0 peers.
    self.assertEqual(raw.read(64)[9:], greeting(1)[9:])
    raw.send(ready('ROUTER'))
    self.frame(raw, 4, b'\5READY' + metadata(b'Socket-Type', b'DEALER') +
               metadata(b'Identity', b'me'))
    self.assertEqual(zuv.wait_event('ready').type, zmq.ROUTER)
    raw.send(message(b'a', b'', b'bb'))
    self.same(zuv.receive(), [b'a', b'', b'bb'])
    zuv.send(b'c', b'')
    self.frame(raw, 1, b'c')
    self.frame(raw, 0, b'')

  @each_direction
  def test_one_byte_at_a_time(self, stage):
    zuv, raw = self.meet(stage, 'DEALER')
    raw.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in greeting(1) + ready('DEALER') + message(b'a', b'bc', b''):
      raw.send(bytes((byte,)))
    self.same(zuv.receive(), [b'a', b'bc', b''])

  @each_direction
  def test_all_at_once(self, stage):
    """Greeting, READY and messages in one write."""
    zuv, raw = self.meet(stage, 'PULL')
    raw.send(greeting(1) + ready('PUSH') + message(b'1') + message(b'2', b'3'))
    self.same(zuv.receive(), [b'1'])
    self.same(zuv.receive(), [b'2', b'3'])

  @each_direction
  def test_refuses_a_socket_type(self, stage):
    zuv, raw = self.meet(stage, 'PULL')
    raw.send(greeting(1) + ready('PUB'))
    event = zuv.wait_event('handshake-failed')
    self.assertEqual(event.reason, 0x10000018)
    zuv.wait_event('disconnected')
    raw.read(64)
    while not raw.at_end():
      pass

  @each_direction
  def test_refuses_a_mechanism(self, stage):
    zuv, raw = self.meet(stage, 'PULL')
    raw.send(greeting(1, b'PLAIN'))
    event = zuv.wait_event('handshake-failed')
    self.assertEqual(event.reason, 0x11000002)
    zuv.wait_event('disconnected')

  @each_direction
  def test_commands_between_parts(self, stage):
    """PING is answered at once; unknown commands are nothing to us."""
    zuv, raw = self.meet(stage, 'DEALER')
    raw.shake_hands('DEALER')
    raw.send(b'\1\4part' + command(b'PING', b'\0\0context') +
             command(b'UNKNOWN', b'x' * 300) + b'\0\3end')
    self.frame(raw, 4, b'\4PONGcontext')
    self.same(zuv.receive(), [b'part', b'end'])
    raw.send(command(b'PING', b'\0\0'))
    self.frame(raw, 4, b'\4PONG')
    raw.send(command(b'PING', b'\0\0' + b'x' * 16))
    self.frame(raw, 4, b'\4PONG' + b'x' * 16)

  @each_direction
  def test_long_header_for_a_short_frame(self, stage):
    zuv, raw = self.meet(stage, 'PULL')
    raw.shake_hands('PUSH')
    raw.send(b'\2' + (5).to_bytes(8, 'big') + b'short')
    self.same(zuv.receive(), [b'short'])

  @each_direction
  def test_impossible_size(self, stage):
    """It ends the connection, and nothing else."""
    zuv, raw = self.meet(stage, 'PULL')
    raw.shake_hands('PUSH')
    raw.send(message(b'before') + b'\2' + b'\xff' * 8 + b'x')
    self.same(zuv.receive(), [b'before'])
    zuv.wait_event('disconnected')

  # ---- Subscriptions: RFC 37 has commands, RFC 23 had messages ----

  @each_direction
  def test_subscribes_to_3_0_with_messages(self, stage):
    sub, raw = self.meet(stage, 'SUB', {zmq.SUBSCRIBE: b'A'})
    raw.shake_hands('PUB', minor=0)
    self.frame(raw, 0, b'\1A')
    sub.set(zmq.SUBSCRIBE, b'')
    self.frame(raw, 0, b'\1')
    sub.set(zmq.SUBSCRIBE, b't' * 255)
    self.frame(raw, 2, b'\1' + b't' * 255)
    sub.set(zmq.UNSUBSCRIBE, b'A')
    self.frame(raw, 0, b'\0A')
    raw.send(message(b'topic', b'body'))
    self.same(sub.receive(), [b'topic', b'body'])

  @each_direction
  def test_subscribes_to_3_1_with_commands(self, stage):
    sub, raw = self.meet(stage, 'SUB', {zmq.SUBSCRIBE: b'A'})
    raw.shake_hands('PUB')
    self.frame(raw, 4, b'\x09SUBSCRIBEA')
    sub.set(zmq.SUBSCRIBE, b'')
    self.frame(raw, 4, b'\x09SUBSCRIBE')
    sub.set(zmq.SUBSCRIBE, b't' * 246)
    self.frame(raw, 6, b'\x09SUBSCRIBE' + b't' * 246)
    sub.set(zmq.UNSUBSCRIBE, b'A')
    self.frame(raw, 4, b'\6CANCELA')
    raw.send(message(b'topic', b'body'))
    self.same(sub.receive(), [b'topic', b'body'])

  @each_direction
  def test_xsub_to_3_0(self, stage):
    xsub, raw = self.meet(stage, 'XSUB')
    raw.shake_hands('XPUB', minor=0)
    xsub.send(b'\1A')
    self.frame(raw, 0, b'\1A')
    xsub.send(b'\0A')
    self.frame(raw, 0, b'\0A')

  @each_direction
  def test_3_0_subscriber(self, stage):
    self.subscriber(stage, 0, b'\0\2\1A', b'\0\2\0A')

  @each_direction
  def test_3_1_subscriber(self, stage):
    self.subscriber(stage, 1, command(b'SUBSCRIBE', b'A'),
                    command(b'CANCEL', b'A'))

  @each_direction
  def test_3_1_subscriber_with_messages(self, stage):
    """Both forms are good from any peer."""
    self.subscriber(stage, 1, b'\0\2\1A', command(b'CANCEL', b'A'))

  def subscriber(self, stage, minor, subscribe, cancel):
    xpub, raw = self.meet(stage, 'XPUB')
    raw.shake_hands('SUB', minor)
    raw.send(subscribe)
    self.same(xpub.receive(), [b'\1A'])
    xpub.send(b'B')
    xpub.send(b'AB', b'body')
    self.frame(raw, 1, b'AB')
    self.frame(raw, 0, b'body')
    raw.send(cancel)
    self.same(xpub.receive(), [b'\0A'])
    xpub.send(b'AB', b'body')
    raw.send(command(b'SUBSCRIBE', b'C' * 300))
    self.same(xpub.receive(), [b'\1' + b'C' * 300])
    xpub.send(b'C' * 301)
    self.frame(raw, 2, b'C' * 301)

  @each_direction
  def test_subscriptions_to_others_are_no_messages(self, stage):
    """libzmq hands these to the application."""
    zuv, raw = self.meet(stage, 'PULL')
    raw.shake_hands('PUSH')
    raw.send(command(b'SUBSCRIBE', b'A') + command(b'CANCEL', b'A') +
             message(b'real'))
    self.same(zuv.receive(), [b'real'])


if __name__ == '__main__':
  main()
