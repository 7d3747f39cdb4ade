"""PLAIN between zuv and libzmq. Who may come in is the matter of
test_zap.py."""

from security import *

PLAIN = Plain()


class Messages(SecurityTest):
  def meet(self, meeting, server_type, client_type):
    server = meeting.server(server_type, PLAIN.server())
    client = meeting.client(client_type, PLAIN.client())
    let_in(server)
    meeting.meet(server, client)
    return server, client

  @each_pairing()
  def test_both_ways(self, meeting):
    server, client = self.meet(meeting, 'DEALER', 'DEALER')
    self.carry_both_ways(server, client)

  @each_pairing()
  def test_patterns(self, meeting):
    server, client = self.meet(meeting, 'REP', 'REQ')
    self.carry(client, server, b'question')
    self.carry(server, client, b'answer')
    server, client = self.meet(meeting, 'XPUB', 'SUB')
    client.set(zmq.SUBSCRIBE, b'A')
    self.same(server.receive(), [b'\1A'])
    self.carry(server, client, b'A')

  @each_pairing()
  def test_mechanism_is_told(self, meeting):
    server = meeting.server('PULL', PLAIN.server())
    client = meeting.client('PUSH', PLAIN.client())
    let_in(server)
    meeting.begin(server, client)
    for peer in (server, client):
      event = peer.wait_event('ready', but_no=('handshake-failed',))
      if isinstance(peer, Zuv):
        self.assertEqual(event.mechanism, 'PLAIN')

  @each_pairing(binding=(True,))
  def test_server_restarts(self, meeting):
    client = meeting.client('PUSH', {**PLAIN.client(), zmq.RECONNECT_IVL: 20})
    server = meeting.server('PULL', PLAIN.server())
    let_in(server)
    endpoint = meeting.meet(server, client)
    self.carry(client, server, b'hello')
    server.close()
    client.wait_event('disconnected')
    for i in range(10):
      client.send(b'%d' % i)
    server = meeting.server('PULL', PLAIN.server())
    let_in(server)
    server.bind_again(endpoint)
    for i in range(10):
      self.same(server.receive(), [b'%d' % i])

  @each_pairing(binding=(True,))
  def test_longest_credentials(self, meeting):
    server = meeting.server('PULL', PLAIN.server())
    let_in(server)
    client = meeting.client('PUSH', PLAIN.client(b'u' * 255, b'p' * 255))
    meeting.meet(server, client)
    asked = server.wait_asked()
    self.assertEqual((asked.username, asked.password), (b'u' * 255, b'p' * 255))


if __name__ == '__main__':
  security_main()
