"""PAIR."""

from interop import *


class Pair(InteropTest):
  @each_way
  def test_all_sizes(self, stage):
    zuv, other = stage.zuv('PAIR'), stage.libzmq('PAIR')
    stage.join(zuv, other)
    self.carry_all_sizes(zuv, other, largest=LARGEST)
    self.carry_all_sizes(other, zuv, largest=LARGEST)

  @each_way
  def test_many_both_ways_at_once(self, stage):
    zuv, other = stage.zuv('PAIR'), stage.libzmq('PAIR')
    stage.join(zuv, other)
    zuv.expect(MANY)
    zuv.flood(MANY)
    sending = threading.Thread(target=self.flood_while_received,
                               args=(other, MANY))
    sending.start()
    zuv.wait_counted(MANY)
    sending.join()
    zuv.wait_flooded()

  def flood_while_received(self, other, count):
    """Sends and receives in turn: libzmq sockets live in one thread."""
    for i in range(count):
      other.send(i.to_bytes(4, 'big'))
      number = int.from_bytes(other.receive()[0][:4], 'big')
      if number != i:
        other.send(b'\xff\xff\xff\xff')
        return

  @one_way(zuv_binds=True)
  def test_second_peer_gets_nothing(self, stage):
    zuv, first = stage.zuv('PAIR'), stage.libzmq('PAIR')
    second = stage.libzmq('PAIR')
    endpoint = stage.join(zuv, first)
    second.connect(endpoint)
    second.wait_event(zmq.EVENT_HANDSHAKE_SUCCEEDED)
    second.send(b'from the second')
    self.carry(first, zuv, b'from the first')
    for i in range(10):
      self.carry(zuv, first, b'%d' % i)
    self.assertIsNone(second.arrived())

  @one_way(zuv_binds=False)
  def test_zuv_as_second_peer(self, stage):
    """libzmq shakes hands with a second peer and then ignores it."""
    first, second = stage.zuv('PAIR'), stage.zuv('PAIR')
    other = stage.libzmq('PAIR')
    endpoint = stage.join(first, other)
    second.connect(endpoint)
    second.wait_event('ready')
    second.send(b'from the second')
    self.carry(first, other, b'from the first')
    self.carry(other, first, b'back')

  @one_way(zuv_binds=True)
  def test_next_peer_after_the_first_left(self, stage):
    zuv, first = stage.zuv('PAIR'), stage.libzmq('PAIR')
    endpoint = stage.join(zuv, first)
    self.carry(first, zuv, b'first')
    first.close()
    zuv.wait_event('disconnected')
    zuv.try_send(b'nobody', error='UV_EAGAIN')
    second = stage.libzmq('PAIR')
    second.connect(endpoint)
    zuv.wait_event('ready')
    self.carry(second, zuv, b'second')
    self.carry(zuv, second, b'welcome')


if __name__ == '__main__':
  main()
