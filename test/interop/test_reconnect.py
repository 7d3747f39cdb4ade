"""One side is killed without a farewell and started again."""

from interop import *


def numbers(first, last):
  return [[b'%d' % i] for i in range(first, last)]


class Reconnect(InteropTest):
  def each_transport(self, test):
    for transport in ('tcp', 'ipc'):
      stage = Stage(transport)
      with self.subTest(transport=transport), stage:
        test(stage)

  def restart_bound(self, stage, type_name, endpoint, options=None):
    """In place of the libzmq peer that was bound there and was killed."""
    peer = stage.libzmq_process(type_name, options)
    peer.bind_again(endpoint)
    return peer

  def killed(self, zuv, peer):
    peer.kill()
    zuv.wait_event('disconnected')

  # ---- zuv stays, libzmq is killed ----

  def test_queued_messages_arrive(self):
    """A connecting PUSH keeps what it is given while the peer is away."""
    def test(stage):
      pull = stage.libzmq_process('PULL')
      endpoint = pull.bind(stage.wildcard())
      push = stage.zuv('PUSH')
      push.connect(endpoint)
      sent = 0
      for _ in range(4):
        for i in range(sent, sent + 10):
          push.send(b'%d' % i)
        self.assertEqual([pull.receive() for _ in range(10)],
                         numbers(sent, sent + 10))
        self.killed(push, pull)
        for i in range(sent + 10, sent + 20):
          push.send(b'%d' % i)
        pull = self.restart_bound(stage, 'PULL', endpoint)
        self.assertEqual([pull.receive() for _ in range(10)],
                         numbers(sent + 10, sent + 20))
        sent += 20
      for _ in range(sent):
        self.assertEqual(push.wait('sent'), ['0'])
    self.each_transport(test)

  def test_killed_under_load(self):
    """What went down with the peer is lost; the rest comes in order, and
    nothing comes twice."""
    def test(stage):
      pull = stage.libzmq_process('PULL')
      endpoint = pull.bind(stage.wildcard())
      push = stage.zuv('PUSH')
      push.connect(endpoint)
      push.flood(10 ** 7, prefix=[Pattern(1000)])
      last = -1
      for _ in range(3):
        for _ in range(300):
          number = int.from_bytes(pull.receive()[1][:4], 'big')
          self.assertGreater(number, last)
          last = number
        self.killed(push, pull)
        pull = self.restart_bound(stage, 'PULL', endpoint)
      self.assertGreater(int.from_bytes(pull.receive()[1][:4], 'big'), last)
    self.each_transport(test)

  def test_bound_pull_keeps_what_it_has(self):
    """Unread messages outlive the connection."""
    def test(stage):
      pull = stage.zuv('PULL')
      endpoint = pull.bind(stage.wildcard())
      pull.command('receive', 0)
      push = stage.libzmq_process('PUSH')
      push.connect(endpoint)
      for i in range(10):
        push.send(b'%d' % i)
      push.close()
      pull.wait_event('disconnected')
      pull.command('receive', 1)
      self.assertEqual([pull.receive() for _ in range(10)], numbers(0, 10))
    self.each_transport(test)

  def test_bound_pull_hears_the_next(self):
    def test(stage):
      pull = stage.zuv('PULL')
      endpoint = pull.bind(stage.wildcard())
      for _ in range(3):
        push = stage.libzmq_process('PUSH')
        push.connect(endpoint)
        for i in range(10):
          push.send(b'%d' % i)
        self.assertEqual([pull.receive() for _ in range(10)], numbers(0, 10))
        self.killed(pull, push)
    self.each_transport(test)

  def test_bound_push_waits_for_the_next(self):
    """A bound PUSH without peers takes nothing at once, and queues requests."""
    def test(stage):
      push = stage.zuv('PUSH')
      endpoint = push.bind(stage.wildcard())
      first = stage.libzmq_process('PULL')
      first.connect(endpoint)
      push.send(b'first')
      self.same(first.receive(), [b'first'])
      self.killed(push, first)
      push.try_send(b'nobody', error='UV_EAGAIN')
      for i in range(10):
        push.send(b'%d' % i)
      second = stage.libzmq_process('PULL')
      second.connect(endpoint)
      self.assertEqual([second.receive() for _ in range(10)], numbers(0, 10))
    self.each_transport(test)

  def test_subscriptions_are_sent_again(self):
    """As they are when the publisher is back, and each topic once."""
    def test(stage):
      xpub = stage.libzmq_process('XPUB')
      endpoint = xpub.bind(stage.wildcard())
      sub = stage.zuv('SUB', {zmq.SUBSCRIBE: b'A'})
      sub.connect(endpoint)
      self.same(xpub.receive(), [b'\1A'])
      sub.set(zmq.SUBSCRIBE, b'B')
      self.same(xpub.receive(), [b'\1B'])
      self.killed(sub, xpub)
      sub.set(zmq.UNSUBSCRIBE, b'B')
      sub.set(zmq.SUBSCRIBE, b'A')
      sub.set(zmq.SUBSCRIBE, b'C')
      xpub = self.restart_bound(stage, 'XPUB', endpoint)
      self.assertEqual(sorted(xpub.receive() for _ in range(2)),
                       [[b'\1A'], [b'\1C']])
      xpub.send(b'B')
      self.carry(xpub, sub, b'A', b'again')
      sub.set(zmq.UNSUBSCRIBE, b'A')
      sub.set(zmq.UNSUBSCRIBE, b'A')
      self.same(xpub.receive(), [b'\0A'])
    self.each_transport(test)

  def test_xsub_subscriptions_are_sent_again(self):
    def test(stage):
      xpub = stage.libzmq_process('XPUB')
      endpoint = xpub.bind(stage.wildcard())
      xsub = stage.zuv('XSUB')
      xsub.send(b'\1A')
      xsub.connect(endpoint)
      xsub.send(b'\1B')
      self.assertEqual(sorted(xpub.receive() for _ in range(2)),
                       [[b'\1A'], [b'\1B']])
      self.killed(xsub, xpub)
      xsub.send(b'\0B')
      xpub = self.restart_bound(stage, 'XPUB', endpoint)
      self.same(xpub.receive(), [b'\1A'])
      xpub.send(b'B')
      self.carry(xpub, xsub, b'A')
    self.each_transport(test)

  def test_bound_xpub_forgets_the_killed(self):
    def test(stage):
      xpub = stage.zuv('XPUB')
      endpoint = xpub.bind(stage.wildcard())
      for _ in range(3):
        sub = stage.libzmq_process('SUB', {zmq.SUBSCRIBE: b'A'})
        sub.connect(endpoint)
        self.same(xpub.receive(), [b'\1A'])
        self.carry(xpub, sub, b'A', b'body')
        self.killed(xpub, sub)
        self.same(xpub.receive(), [b'\0A'])
    self.each_transport(test)

  def test_connecting_pub_hears_the_subscriptions_again(self):
    """Of the old subscriber nothing is left, but PUB serves the new one."""
    def test(stage):
      sub = stage.libzmq_process('SUB', {zmq.SUBSCRIBE: b'A'})
      endpoint = sub.bind(stage.wildcard())
      xpub = stage.zuv('XPUB')
      xpub.connect(endpoint)
      self.same(xpub.receive(), [b'\1A'])
      self.killed(xpub, sub)
      self.same(xpub.receive(), [b'\0A'])
      sub = self.restart_bound(stage, 'SUB', endpoint, {zmq.SUBSCRIBE: b'B'})
      self.same(xpub.receive(), [b'\1B'])
      xpub.send(b'A')
      self.carry(xpub, sub, b'B')
    self.each_transport(test)

  def test_req_does_not_ask_again(self):
    """The request is lost with its REP; only RELAXED may ask anew."""
    def test(stage):
      rep = stage.libzmq_process('REP')
      endpoint = rep.bind(stage.wildcard())
      strict = stage.zuv('REQ')
      strict.connect(endpoint)
      relaxed = stage.zuv('REQ', {zmq.REQ_RELAXED: 1, zmq.REQ_CORRELATE: 1})
      self.carry(strict, rep, b'strict')
      rep.kill()
      strict.wait_event('disconnected')
      relaxed.connect(endpoint)
      relaxed.send(b'relaxed')
      rep = self.restart_bound(stage, 'REP', endpoint)
      strict.wait_event('ready')
      strict.try_send(b'again', error='UV_EPROTO')
      self.same(rep.receive(), [b'relaxed'])
      self.killed(relaxed, rep)
      relaxed.try_send(b'anew')
      rep = self.restart_bound(stage, 'REP', endpoint)
      self.same(rep.receive(), [b'anew'])
      self.carry(rep, relaxed, b'reply')
    self.each_transport(test)

  def test_rep_after_its_asker_was_killed(self):
    def test(stage):
      rep = stage.zuv('REP')
      endpoint = rep.bind(stage.wildcard())
      req = stage.libzmq_process('REQ')
      req.connect(endpoint)
      self.carry(req, rep, b'question')
      self.killed(rep, req)
      rep.try_send(b'to nobody')
      req = stage.libzmq_process('REQ')
      req.connect(endpoint)
      self.carry(req, rep, b'question')
      self.carry(rep, req, b'answer')
    self.each_transport(test)

  def test_router_knows_its_peer_again(self):
    """By the id that the peer announces; until then there is no such host."""
    def test(stage):
      router = stage.zuv('ROUTER', {zmq.ROUTER_MANDATORY: 1})
      endpoint = router.bind(stage.wildcard())
      for _ in range(3):
        dealer = stage.libzmq_process('DEALER', {zmq.ROUTING_ID: b'name'})
        dealer.connect(endpoint)
        self.carry(dealer, router, b'hello', seen_from=[b'name'])
        self.carry(router, dealer, b'welcome', to=[b'name'])
        self.killed(router, dealer)
        router.try_send(b'name', b'', error='UV_EHOSTUNREACH')
    self.each_transport(test)

  def test_dealer_is_known_again(self):
    def test(stage):
      router = stage.libzmq_process('ROUTER')
      endpoint = router.bind(stage.wildcard())
      dealer = stage.zuv('DEALER', {zmq.ROUTING_ID: b'name'})
      dealer.connect(endpoint)
      for _ in range(3):
        self.carry(dealer, router, b'hello', seen_from=[b'name'])
        self.carry(router, dealer, b'welcome', to=[b'name'])
        self.killed(dealer, router)
        dealer.send(b'meanwhile')
        router = self.restart_bound(stage, 'ROUTER', endpoint)
        self.same(router.receive(), [b'name', b'meanwhile'])
    self.each_transport(test)

  def test_pair_takes_the_next(self):
    def test(stage):
      pair = stage.zuv('PAIR')
      endpoint = pair.bind(stage.wildcard())
      for _ in range(3):
        other = stage.libzmq_process('PAIR')
        other.connect(endpoint)
        self.carry(other, pair, b'hello')
        self.carry(pair, other, b'welcome')
        self.killed(pair, other)
    self.each_transport(test)

  # ---- libzmq stays, zuv is killed ----

  def test_killed_zuv_pull(self):
    """libzmq's connecting PUSH finds us again; what it queued arrives."""
    def test(stage):
      pull = stage.zuv('PULL')
      endpoint = pull.bind(stage.wildcard())
      push = stage.libzmq('PUSH')
      push.connect(endpoint)
      self.carry(push, pull, b'hello')
      for _ in range(3):
        pull.kill()
        push.wait_event(zmq.EVENT_DISCONNECTED)
        for i in range(10):
          push.send(b'%d' % i)
        pull = stage.zuv('PULL')
        pull.bind_again(endpoint)
        self.assertEqual([pull.receive() for _ in range(10)], numbers(0, 10))
    self.each_transport(test)

  def test_killed_zuv_xpub(self):
    """libzmq's SUB tells us its subscriptions again."""
    def test(stage):
      xpub = stage.zuv('XPUB')
      endpoint = xpub.bind(stage.wildcard())
      sub = stage.libzmq('SUB', {zmq.SUBSCRIBE: b'A'})
      sub.connect(endpoint)
      for _ in range(3):
        self.same(xpub.receive(), [b'\1A'])
        self.carry(xpub, sub, b'A')
        xpub.kill()
        sub.wait_event(zmq.EVENT_DISCONNECTED)
        xpub = stage.zuv('XPUB')
        xpub.bind_again(endpoint)
        # A libzmq SUB sends them when it is called.
        wait_until(lambda: sub.arrived() or not xpub.queue('message').empty(),
                   'libzmq did not subscribe again')
    self.each_transport(test)

  def test_killed_zuv_router(self):
    def test(stage):
      router = stage.zuv('ROUTER')
      endpoint = router.bind(stage.wildcard())
      dealer = stage.libzmq('DEALER', {zmq.ROUTING_ID: b'name'})
      dealer.connect(endpoint)
      for _ in range(3):
        self.carry(dealer, router, b'hello', seen_from=[b'name'])
        self.carry(router, dealer, b'welcome', to=[b'name'])
        router.kill()
        dealer.wait_event(zmq.EVENT_DISCONNECTED)
        router = stage.zuv('ROUTER')
        router.bind_again(endpoint)
    self.each_transport(test)

  def test_killed_connecting_zuv(self):
    """A bound libzmq serves whoever comes next."""
    def test(stage):
      router = stage.libzmq('ROUTER')
      endpoint = router.bind(stage.wildcard())
      for _ in range(3):
        dealer = stage.zuv('DEALER', {zmq.ROUTING_ID: b'name'})
        dealer.connect(endpoint)
        self.carry(dealer, router, b'hello', seen_from=[b'name'])
        self.carry(router, dealer, b'welcome', to=[b'name'])
        dealer.kill()
        router.wait_event(zmq.EVENT_DISCONNECTED)
        # libzmq lets go of the name only when it is called.
        router.socket.getsockopt(zmq.EVENTS)
    self.each_transport(test)


if __name__ == '__main__':
  main()
