"""Who may talk to whom, heartbeats that keep a connection alive, and properties
of the handshake."""

import signal

from interop import *

TYPES = ('PAIR', 'PUB', 'SUB', 'REQ', 'REP', 'DEALER', 'ROUTER', 'PULL',
         'PUSH', 'XPUB', 'XSUB')
# RFC 28 to 31: the peers of each type.
ACCEPTS = {
    'PAIR': {'PAIR'},
    'PUB': {'SUB', 'XSUB'},
    'XPUB': {'SUB', 'XSUB'},
    'SUB': {'PUB', 'XPUB'},
    'XSUB': {'PUB', 'XPUB'},
    'REQ': {'REP', 'ROUTER'},
    'REP': {'REQ', 'DEALER'},
    'DEALER': {'REP', 'DEALER', 'ROUTER'},
    'ROUTER': {'REQ', 'DEALER', 'ROUTER'},
    'PULL': {'PUSH'},
    'PUSH': {'PULL'},
}
INVALID_METADATA = 0x10000018
# A draft name, in any libzmq.
METADATA = 95
# Milliseconds.
INTERVAL = 100
TIMEOUT = 1000


class SocketTypes(InteropTest):
  def outcome(self, zuv):
    """The peer's type, or who refused whom. Either side may be first, and
    libzmq does not say a word then, not even of what type it is."""
    while True:
      event = zuv.event(zuv.wait('event'))
      if event.name == 'ready':
        return TYPES[event.type]
      if event.name == 'handshake-failed':
        if event.reason == INVALID_METADATA:
          return 'refused'
        self.assertEqual(event.reason, 0)
        self.assertIn(event.status, ('UV_EOF', 'UV_ECONNRESET'))
        return 'refused by libzmq'

  def check(self, outcome, zuv_type, libzmq_type):
    if libzmq_type in ACCEPTS[zuv_type]:
      self.assertEqual(outcome, libzmq_type)
    else:
      self.assertIn(outcome, ('refused', 'refused by libzmq'))

  def test_zuv_binds(self):
    for zuv_type in TYPES:
      with Stage('tcp') as stage:
        zuv = stage.zuv(zuv_type)
        endpoint = zuv.bind(stage.wildcard())
        for libzmq_type in TYPES:
          with self.subTest(zuv=zuv_type, libzmq=libzmq_type):
            other = stage.libzmq(libzmq_type)
            other.connect(endpoint)
            self.check(self.outcome(zuv), zuv_type, libzmq_type)
            other.close()
            zuv.wait_event('disconnected')

  def test_zuv_connects(self):
    """A peer that we refused is not tried again: we would refuse it again."""
    for zuv_type in TYPES:
      with Stage('tcp') as stage:
        zuv = stage.zuv(zuv_type)
        for libzmq_type in TYPES:
          with self.subTest(zuv=zuv_type, libzmq=libzmq_type):
            other = stage.libzmq(libzmq_type)
            endpoint = other.bind(stage.wildcard())
            zuv.connect(endpoint)
            outcome = self.outcome(zuv)
            self.check(outcome, zuv_type, libzmq_type)
            if outcome == 'refused':
              zuv.wait_event('disconnected')
              zuv.wait_event('stopped')
            zuv.disconnect(endpoint)
            other.close()


class Heartbeats(InteropTest):
  def lost_within(self, other, milliseconds):
    """Whether libzmq gives the connection up in this time."""
    end = time.monotonic() + milliseconds / 1000
    while True:
      left = end - time.monotonic()
      if left <= 0 or other.monitor.poll(int(left * 1000) + 1) == 0:
        return False
      event = recv_monitor_message(other.monitor)
      if event['event'] == zmq.EVENT_DISCONNECTED:
        return True

  @each_direction
  def test_libzmq_pings(self, stage):
    """We answer for as long as we live."""
    other = stage.libzmq('DEALER', {zmq.HEARTBEAT_IVL: INTERVAL,
                                    zmq.HEARTBEAT_TIMEOUT: TIMEOUT,
                                    zmq.HEARTBEAT_TTL: TIMEOUT})
    zuv = stage.zuv('DEALER')
    stage.join(zuv, other)
    self.assertFalse(self.lost_within(other, 2 * TIMEOUT))
    self.carry(other, zuv, b'still there')
    self.carry(zuv, other, b'still here')
    zuv.process.send_signal(signal.SIGSTOP)
    try:
      self.assertTrue(self.lost_within(other, DEADLINE * 1000))
    finally:
      zuv.process.send_signal(signal.SIGCONT)
    zuv.wait_event('disconnected')
    zuv.wait_event('ready')

  @each_direction
  def test_libzmq_pings_under_load(self, stage):
    """Heartbeats come between messages and parts, and disturb neither."""
    zuv = stage.zuv('DEALER')
    other = stage.libzmq('DEALER', {zmq.HEARTBEAT_IVL: 1,
                                    zmq.HEARTBEAT_TIMEOUT: DEADLINE * 1000})
    stage.join(zuv, other)
    self.carry_many(zuv, other)
    self.carry_many(other, zuv)
    self.carry_all_sizes(zuv, other)
    self.carry_all_sizes(other, zuv)

  @each_direction
  def test_zuv_pings(self, stage):
    """A peer that answers stays, and one that does not is lost."""
    other = stage.libzmq_process('DEALER')
    zuv = stage.zuv('DEALER', {zmq.HEARTBEAT_IVL: INTERVAL,
                               zmq.HEARTBEAT_TIMEOUT: TIMEOUT,
                               zmq.HEARTBEAT_TTL: TIMEOUT})
    stage.join(zuv, other)
    time.sleep(2 * TIMEOUT / 1000)
    self.stayed(zuv)
    self.carry(other, zuv, b'still there')
    self.carry(zuv, other, b'still here')
    other.process.send_signal(signal.SIGSTOP)
    try:
      self.assertEqual(zuv.wait_event('disconnected').status, 'UV_ETIMEDOUT')
    finally:
      other.process.send_signal(signal.SIGCONT)
    zuv.wait_event('ready')

  def stayed(self, zuv):
    for event in zuv.events():
      self.assertNotEqual(event.name, 'disconnected', event)

  @each_direction
  def test_zuv_pings_under_load(self, stage):
    zuv = stage.zuv('DEALER', {zmq.HEARTBEAT_IVL: 1,
                               zmq.HEARTBEAT_TIMEOUT: DEADLINE * 1000})
    other = stage.libzmq('DEALER')
    stage.join(zuv, other)
    self.carry_many(zuv, other)
    self.carry_many(other, zuv)
    self.carry_all_sizes(zuv, other)
    self.carry_all_sizes(other, zuv)

  @each_direction
  def test_a_reader_that_pauses(self, stage):
    """Neither takes the other for dead: zuv knows that it does not read, and
    libzmq hears the PINGs of zuv."""
    pings = {zmq.HEARTBEAT_IVL: INTERVAL, zmq.HEARTBEAT_TIMEOUT: TIMEOUT}
    push = stage.libzmq('PUSH', pings)
    pull = stage.zuv('PULL', {**pings, zmq.RCVHWM: 5})
    stage.join(pull, push)
    pull.command('receive', 0)
    push.flood(5000)
    self.assertFalse(self.lost_within(push, 3 * TIMEOUT))
    self.stayed(pull)
    pull.expect(5000)
    pull.command('receive', 1)
    pull.wait_counted(5000)

  @each_direction
  def test_metadata(self, stage):
    """Properties of either side, and a property nobody set."""
    zuv = stage.zuv('DEALER', {METADATA: b'X-zuv:of zuv'})
    other = stage.libzmq('DEALER', {METADATA: b'X-libzmq:of libzmq'})
    stage.join(zuv, other)
    zuv.send(b'message')
    message = other.socket.recv(copy=False)
    self.assertEqual(message.get('X-zuv'), 'of zuv')
    self.assertEqual(message.get('Socket-Type'), 'DEALER')
    with self.assertRaises(zmq.ZMQError):
      message.get('X-libzmq')


if __name__ == '__main__':
  main()
