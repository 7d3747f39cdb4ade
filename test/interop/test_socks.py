"""By way of a SOCKS5 proxy (RFC 1928, 1929), with either side behind it."""

import contextlib
import select
import socket

from interop import *

# Draft names.
SOCKS_USERNAME = 99
SOCKS_PASSWORD = 100

NO_AUTHENTICATION = 0
PASSWORD = 2


class Proxy:
  """Serves each connection in a thread of its own. Of names it knows
  server.test."""

  def __init__(self, login=None):
    self.login = login
    self.asked = []
    self.connections = []
    self.listener = socket.create_server(('127.0.0.1', 0))
    self.address = '127.0.0.1:%d' % self.listener.getsockname()[1]
    self.thread = threading.Thread(target=self.run, daemon=True)
    self.thread.start()

  def options(self):
    options = {zmq.SOCKS_PROXY: self.address.encode()}
    if self.login:
      options[SOCKS_USERNAME], options[SOCKS_PASSWORD] = self.login
    return options

  def run(self):
    while True:
      try:
        connection, _ = self.listener.accept()
      except OSError:
        return
      threading.Thread(target=self.serve, args=(connection,),
                       daemon=True).start()

  def serve(self, connection):
    with connection, contextlib.suppress(OSError):
      if self.authenticate(connection):
        self.connect(connection)

  def authenticate(self, connection):
    version, count = self.read(connection, 2)
    methods = self.read(connection, count)
    wanted = PASSWORD if self.login else NO_AUTHENTICATION
    if version != 5 or wanted not in methods:
      connection.sendall(b'\5\xff')
      return False
    connection.sendall(bytes([5, wanted]))
    if not self.login:
      return True
    self.read(connection, 1)
    name = self.read(connection, self.read(connection, 1)[0])
    password = self.read(connection, self.read(connection, 1)[0])
    connection.sendall(b'\1\0' if (name, password) == self.login else b'\1\1')
    return (name, password) == self.login

  def connect(self, connection):
    _, _, _, kind = self.read(connection, 4)
    if kind == 1:
      host = socket.inet_ntop(socket.AF_INET, self.read(connection, 4))
    elif kind == 4:
      host = socket.inet_ntop(socket.AF_INET6, self.read(connection, 16))
    else:
      host = self.read(connection, self.read(connection, 1)[0]).decode()
    port = int.from_bytes(self.read(connection, 2), 'big')
    self.asked.append((host, port))
    try:
      target = socket.create_connection(
          ('127.0.0.1' if host == 'server.test' else host, port), DEADLINE)
    except OSError:
      connection.sendall(b'\5\5\0\1\0\0\0\0\0\0')
      return
    with target:
      target.setblocking(True)
      connection.sendall(b'\5\0\0\1\x7f\0\0\1\0\1')
      self.connections.append(connection)
      self.relay(connection, target)

  def relay(self, one, other):
    ways = {one: other, other: one}
    while True:
      for readable in select.select(list(ways), [], [])[0]:
        data = readable.recv(65536)
        if not data:
          return
        ways[readable].sendall(data)

  def read(self, connection, size):
    data = bytearray()
    while len(data) < size:
      chunk = connection.recv(size - len(data))
      if not chunk:
        raise OSError('the client left')
      data += chunk
    return bytes(data)

  def drop(self):
    """Ends the connections that there are."""
    for connection in self.connections:
      with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    self.connections.clear()

  def close(self):
    self.listener.shutdown(socket.SHUT_RDWR)
    self.listener.close()
    self.drop()


class Socks(InteropTest):
  def proxy(self, login=None):
    proxy = Proxy(login)
    self.addCleanup(proxy.close)
    return proxy

  def join(self, stage, proxy, bound_type, connected_type, host='server.test',
           options=None):
    """One that is bound, and one that connects by way of the proxy. A libzmq
    that sees its proxy fail ends the program, so it must be closed first."""
    zuv_type, other_type = ((bound_type, connected_type) if stage.zuv_binds
                            else (connected_type, bound_type))
    zuv, other = stage.zuv(zuv_type), stage.libzmq(other_type)
    binder, connecter = (zuv, other) if stage.zuv_binds else (other, zuv)
    for option, value in {**proxy.options(), **(options or {})}.items():
      connecter.set(option, value)
    port = int(binder.bind('tcp://127.0.0.1:*').rsplit(':', 1)[1])
    connecter.connect(f'tcp://{host}:{port}')
    zuv.wait_event('ready')
    other.wait_ready()
    self.assertEqual(proxy.asked, [(host, port)])
    return binder, connecter

  @each_direction
  def test_messages(self, stage):
    binder, connecter = self.join(stage, self.proxy(), 'PAIR', 'PAIR')
    self.carry_all_sizes(binder, connecter)
    self.carry_all_sizes(connecter, binder)
    connecter.close()

  @each_direction
  def test_password(self, stage):
    proxy = self.proxy((b'user', b'p' * 255))
    binder, connecter = self.join(stage, proxy, 'REP', 'REQ')
    for _ in range(3):
      self.carry(connecter, binder, b'question', b'')
      self.carry(binder, connecter, b'answer')
    connecter.close()

  @each_direction
  def test_address(self, stage):
    binder, connecter = self.join(stage, self.proxy(), 'PULL', 'PUSH',
                                  host='127.0.0.1')
    self.carry_many(connecter, binder)
    connecter.close()

  @each_direction
  def test_subscriptions(self, stage):
    binder, connecter = self.join(stage, self.proxy(), 'XPUB', 'SUB',
                                  options={zmq.SUBSCRIBE: b'A'})
    self.same(binder.receive(), [b'\1A'])
    self.carry(binder, connecter, b'A', b'body')
    connecter.close()

  @each_direction
  def test_dropped_connections(self, stage):
    """The next one takes the same way, with what waits."""
    proxy = self.proxy()
    binder, connecter = self.join(stage, proxy, 'PULL', 'PUSH')
    for i in range(3):
      self.carry(connecter, binder, b'%d' % i)
      proxy.drop()
      wait_until(lambda: len(proxy.asked) == i + 2, 'no other connection')
    self.carry(connecter, binder, b'end')
    connecter.close()

  @one_way(zuv_binds=False)
  def test_failing_proxy(self, stage):
    """Refused, restarted, and with another password than ours."""
    proxy = self.proxy((b'user', b'right'))
    pull = stage.libzmq('PULL')
    port = int(pull.bind('tcp://127.0.0.1:*').rsplit(':', 1)[1])
    push = stage.zuv('PUSH', {**proxy.options(), SOCKS_PASSWORD: b'wrong'})
    push.connect(f'tcp://server.test:{port}')
    for _ in range(3):
      push.wait_event('closed')
      push.wait_event('connect-retried')
    self.assertEqual(proxy.asked, [])
    proxy.login = (b'user', b'wrong')
    self.carry(push, pull, b'in')


if __name__ == '__main__':
  main()
