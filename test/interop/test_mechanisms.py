"""Nobody gets around security: sides of different mechanisms, or both in the
same role, never exchange a message."""

import itertools

from security import *

MECHANISMS = (Null(), Plain(), Curve())
RETRY = {zmq.RECONNECT_IVL: 10}


class Mechanisms(SecurityTest):
  def begin(self, meeting, server, client):
    """With a message that waits for the other side."""
    binder, connecter = meeting.ways(server, client)
    endpoint = binder.bind(meeting.wildcard())
    connecter.connect(endpoint)
    connecter.offer(b'secret')

  def test_mismatch(self):
    """Both ends tell it, and nobody tries again. But libzmq may close before it
    has said what its own mechanism is: that is the end of a stream."""
    for server_way, client_way in itertools.permutations(MECHANISMS, 2):
      self.run_together(
          ({'server': server_way.name, 'client': client_way.name}, meeting,
           functools.partial(self.mismatch, server_way, client_way))
          for meeting in meetings())

  def mismatch(self, server_way, client_way, meeting):
    server = meeting.server('DEALER', {**server_way.server(), **RETRY})
    client = meeting.client('DEALER', {**client_way.client(), **RETRY})
    let_in(server)
    self.begin(meeting, server, client)
    told = {peer: self.told(peer) for peer in (server, client)}
    self.assertIn(True, told.values())
    if LIBZMQ not in (meeting.server_kind, meeting.client_kind):
      self.assertNotIn(False, told.values())
    _, connecter = meeting.ways(server, client)
    if told[connecter]:
      self.no_attempt(server, client)
    self.no_message(server, client)

  def told(self, peer):
    event = peer.wait_event('handshake-failed', but_no=('ready',))
    peer.wait_event('disconnected')
    if event.status in GONE:
      return False
    self.assertEqual((event.status, event.reason),
                     ('UV_EPROTO', MECHANISM_MISMATCH))
    return True

  @each_pairing()
  def test_two_clients(self, meeting):
    """Whoever is first to hear a HELLO goes."""
    for way in (Plain(), Curve()):
      one = meeting.server('DEALER', way.client())
      other = meeting.client('DEALER', way.client())
      self.begin(meeting, one, other)
      for peer in (one, other):
        event = peer.wait_event('handshake-failed', but_no=('ready',))
        self.assertIn((event.status, event.reason),
                      [(status, 0) for status in GONE] +
                      [('UV_EPROTO', UNEXPECTED_COMMAND)])
      self.no_message(one, other)

  @each_pairing()
  def test_two_servers(self, meeting):
    """Each waits for the other's HELLO until its time is over."""
    hurry = {zmq.HANDSHAKE_IVL: 100}
    for way in (Plain(), Curve()):
      one = meeting.server('DEALER', {**way.server(), **hurry})
      other = meeting.client('DEALER', {**way.server(), **hurry})
      let_in(one)
      let_in(other)
      self.begin(meeting, one, other)
      for peer in (one, other):
        peer.wait_event('handshake-failed', but_no=('ready',))
      self.no_message(one, other)


if __name__ == '__main__':
  security_main()
