"""ROUTER and DEALER in all their pairings."""

from interop import *


class RouterDealer(InteropTest):
  @each_way
  def test_zuv_dealer_all_sizes(self, stage):
    dealer, router = stage.zuv('DEALER'), stage.libzmq('ROUTER')
    stage.join(dealer, router)
    self.both_ways(stage, dealer, router)

  @each_way
  def test_zuv_router_all_sizes(self, stage):
    router, dealer = stage.zuv('ROUTER'), stage.libzmq('DEALER')
    stage.join(router, dealer)
    self.both_ways(stage, dealer, router)

  def both_ways(self, stage, dealer, router):
    dealer.send(b'hello')
    peer, body = router.receive()
    self.assertEqual((len(peer), peer[0], body), (5, 0, b'hello'))
    self.carry_all_sizes(dealer, router, largest=stage.largest,
                         seen_from=[peer])
    self.carry_all_sizes(router, dealer, largest=stage.largest, to=[peer])

  @each_way
  def test_zuv_dealer_many_in_order(self, stage):
    dealer, router = stage.zuv('DEALER'), stage.libzmq('ROUTER')
    stage.join(dealer, router)
    self.many(dealer, router)

  @each_way
  def test_zuv_router_many_in_order(self, stage):
    router, dealer = stage.zuv('ROUTER'), stage.libzmq('DEALER')
    stage.join(router, dealer)
    self.many(dealer, router)

  def many(self, dealer, router):
    router.set(zmq.ROUTER_MANDATORY, 1)
    dealer.send(b'hello')
    peer = router.receive()[0]
    self.carry_many(dealer, router)
    self.carry_many_in_thread(router, dealer, [peer])

  def carry_many_in_thread(self, router, dealer, prefix):
    """A ROUTER with MANDATORY waits for room as others do."""
    flooding = threading.Thread(target=router.flood, args=(MANY,),
                                kwargs={'prefix': prefix})
    dealer.expect(MANY)
    flooding.start()
    dealer.wait_counted(MANY)
    flooding.join()
    router.wait_flooded()

  @each_way
  def test_dealer_to_dealer(self, stage):
    zuv, other = stage.zuv('DEALER'), stage.libzmq('DEALER')
    stage.join(zuv, other)
    self.carry_all_sizes(zuv, other)
    self.carry_all_sizes(other, zuv)

  @each_way
  def test_routing_ids(self, stage):
    """Each side is known by the id it announced."""
    router = stage.zuv('ROUTER')
    dealers = [stage.libzmq('DEALER', {zmq.ROUTING_ID: name})
               for name in (b'one', b'\1', b'x' * 255)]
    for dealer in dealers:
      stage.join(router, dealer)
    for name, dealer in zip((b'one', b'\1', b'x' * 255), dealers):
      self.carry(router, dealer, b'for', name, to=[name])
      self.carry(dealer, router, b'from', name, seen_from=[name])
      self.assertEqual(router.last_peer, name)

  @each_way
  def test_zuv_announces_its_routing_id(self, stage):
    router = stage.libzmq('ROUTER')
    dealers = [stage.zuv('DEALER', {zmq.ROUTING_ID: name})
               for name in (b'one', b'\1', b'x' * 255)]
    for dealer in dealers:
      stage.join(dealer, router)
    for name, dealer in zip((b'one', b'\1', b'x' * 255), dealers):
      self.carry(dealer, router, b'from', name, seen_from=[name])
      self.carry(router, dealer, b'for', name, to=[name])

  @each_way
  def test_router_to_router(self, stage):
    zuv = stage.zuv('ROUTER', {zmq.ROUTING_ID: b'zuv',
                               zmq.ROUTER_MANDATORY: 1})
    other = stage.libzmq('ROUTER', {zmq.ROUTING_ID: b'other'})
    stage.join(zuv, other)
    self.carry(zuv, other, b'hello', to=[b'other'], seen_from=[b'zuv'])
    self.carry_all_sizes(zuv, other, to=[b'other'], seen_from=[b'zuv'])
    self.carry_all_sizes(other, zuv, to=[b'zuv'], seen_from=[b'other'])
    zuv.try_send(b'nobody', b'', error='UV_EHOSTUNREACH')

  @each_way
  def test_zuv_probes_a_router(self, stage):
    dealer = stage.zuv('DEALER', {zmq.PROBE_ROUTER: 1,
                                  zmq.ROUTING_ID: b'prober'})
    router = stage.libzmq('ROUTER')
    stage.join(dealer, router)
    self.same(router.receive(), [b'prober', b''])
    self.carry(router, dealer, b'seen', to=[b'prober'])
    self.carry(dealer, router, b'then', seen_from=[b'prober'])

  @each_way
  def test_libzmq_probes_a_router(self, stage):
    router = stage.zuv('ROUTER')
    dealer = stage.libzmq('DEALER', {zmq.PROBE_ROUTER: 1,
                                     zmq.ROUTING_ID: b'prober'})
    stage.join(router, dealer)
    self.same(router.receive(), [b'prober', b''])
    self.carry(router, dealer, b'seen', to=[b'prober'])

  @each_way
  def test_routers_probe_each_other(self, stage):
    zuv = stage.zuv('ROUTER', {zmq.PROBE_ROUTER: 1, zmq.ROUTING_ID: b'zuv'})
    other = stage.libzmq('ROUTER', {zmq.PROBE_ROUTER: 1,
                                    zmq.ROUTING_ID: b'other'})
    stage.join(zuv, other)
    # A bound libzmq ROUTER probes when the application calls it.
    self.same(other.receive(), [b'zuv', b''])
    self.same(zuv.receive(), [b'other', b''])

  @one_way(zuv_binds=False)
  def test_connect_routing_id(self, stage):
    """The name we give goes before the name it has, and before its answer."""
    zuv = stage.zuv('ROUTER', {zmq.CONNECT_ROUTING_ID: b'ours',
                               zmq.ROUTER_MANDATORY: 1})
    other = stage.libzmq('DEALER', {zmq.ROUTING_ID: b'theirs'})
    endpoint = other.bind(stage.wildcard())
    zuv.connect(endpoint)
    zuv.send(b'ours', b'at once')
    self.same(other.receive(), [b'at once'])
    self.carry(other, zuv, b'back', seen_from=[b'ours'])
    zuv.try_send(b'theirs', b'', error='UV_EHOSTUNREACH')

  @one_way(zuv_binds=True)
  def test_second_peer_with_the_same_id(self, stage):
    """It is heard no more than it is spoken to."""
    router = stage.zuv('ROUTER')
    first = stage.libzmq('DEALER', {zmq.ROUTING_ID: b'same'})
    second = stage.libzmq('DEALER', {zmq.ROUTING_ID: b'same'})
    endpoint = stage.join(router, first)
    second.connect(endpoint)
    second.wait_event(zmq.EVENT_HANDSHAKE_SUCCEEDED)
    second.send(b'from the second')
    self.carry(first, router, b'from the first', seen_from=[b'same'])
    self.carry(router, first, b'answer', to=[b'same'])
    self.assertIsNone(second.arrived())

  @one_way(zuv_binds=True)
  def test_handover(self, stage):
    router = stage.zuv('ROUTER', {zmq.ROUTER_HANDOVER: 1})
    first = stage.libzmq('DEALER', {zmq.ROUTING_ID: b'same'})
    second = stage.libzmq('DEALER', {zmq.ROUTING_ID: b'same'})
    endpoint = stage.join(router, first)
    self.carry(first, router, b'from the first', seen_from=[b'same'])
    second.connect(endpoint)
    self.carry(second, router, b'from the second', seen_from=[b'same'])
    self.carry(router, second, b'answer', to=[b'same'])

  @each_way
  def test_many_peers(self, stage):
    """Fifty dealers, each with its own answers."""
    router = stage.zuv('ROUTER')
    router.command('echo', 1)
    dealers = [stage.libzmq('DEALER') for _ in range(50)]
    for dealer in dealers:
      stage.join(router, dealer)
    for turn in range(5):
      for i, dealer in enumerate(dealers):
        dealer.send(b'%d' % i, b'%d' % turn)
    for turn in range(5):
      for i, dealer in enumerate(dealers):
        self.same(dealer.receive(), [b'%d' % i, b'%d' % turn])


if __name__ == '__main__':
  main()
