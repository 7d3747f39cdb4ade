"""REQ and REP, and their envelopes against ROUTER and DEALER."""

from interop import *

TURNS = 5000


class ReqRep(InteropTest):
  @each_way
  def test_zuv_req_all_sizes(self, stage):
    req, rep = stage.zuv('REQ'), stage.libzmq('REP')
    stage.join(req, rep)
    self.ask_all_sizes(stage, req, rep)

  @each_way
  def test_zuv_rep_all_sizes(self, stage):
    rep, req = stage.zuv('REP'), stage.libzmq('REQ')
    stage.join(rep, req)
    self.ask_all_sizes(stage, req, rep)

  def ask_all_sizes(self, stage, req, rep):
    for size in (*EDGES, stage.largest):
      self.carry(req, rep, Pattern(size, 1))
      self.carry(rep, req, Pattern(size, 2))
    parts = [b'%d' % i for i in range(1000)]
    self.carry(req, rep, b'', *parts, b'')
    self.carry(rep, req, *parts, b'', b'')

  @each_way
  def test_zuv_req_many_turns(self, stage):
    req, rep = stage.zuv('REQ'), stage.libzmq('REP')
    stage.join(req, rep)
    req.expect(TURNS)
    req.flood(TURNS)
    for _ in range(TURNS):
      rep.send(*rep.receive())
    req.wait_counted(TURNS)
    req.wait_flooded()

  @each_way
  def test_zuv_rep_many_turns(self, stage):
    rep, req = stage.zuv('REP'), stage.libzmq('REQ')
    stage.join(rep, req)
    rep.command('echo', 1)
    for i in range(TURNS):
      req.send(b'%d' % i)
      self.same(req.receive(), [b'%d' % i])

  @each_direction
  def test_zuv_req_takes_turns(self, stage):
    """Requests go round the REPs; a second one must wait for its reply."""
    req = stage.zuv('REQ')
    reps = [stage.libzmq('REP') for _ in range(2)]
    for rep in reps:
      stage.join(req, rep)
    served = []
    for i in range(6):
      req.try_send(b'%d' % i)
      req.try_send(b'too early', error='UV_EPROTO')
      rep = self.asked(reps)
      served.append(reps.index(rep))
      self.same(rep.receive(), [b'%d' % i])
      rep.send(b'reply')
      self.same(req.receive(), [b'reply'])
    self.assertIn(served, ([0, 1] * 3, [1, 0] * 3))

  def asked(self, reps):
    poller = zmq.Poller()
    for rep in reps:
      poller.register(rep.socket, zmq.POLLIN)
    ready = poller.poll(DEADLINE * 1000)
    self.assertEqual(len(ready), 1, 'the request went to one REP')
    return next(rep for rep in reps if rep.socket is ready[0][0])

  @each_direction
  def test_zuv_rep_owes_one_reply(self, stage):
    rep, req = stage.zuv('REP'), stage.libzmq('REQ')
    stage.join(rep, req)
    rep.try_send(b'unasked', error='UV_EPROTO')
    self.carry(req, rep, b'question')
    rep.try_send(b'answer')
    rep.try_send(b'another', error='UV_EPROTO')
    self.same(req.receive(), [b'answer'])

  @each_direction
  def test_zuv_rep_is_writable_when_asked(self, stage):
    """Replies sent from the writable callback, one a request."""
    rep, req = stage.zuv('REP'), stage.libzmq('REQ')
    stage.join(rep, req)
    rep.flood(100, 4)
    for i in range(100):
      self.carry(req, rep, b'%d' % i)
      self.same(req.receive(), [i.to_bytes(4, 'big')])
    rep.wait_flooded()

  @each_direction
  def test_zuv_rep_serves_in_turn(self, stage):
    """One request at a time is delivered; each reply finds its asker."""
    rep = stage.zuv('REP')
    reqs = [stage.libzmq('REQ') for _ in range(3)]
    for req in reqs:
      stage.join(rep, req)
    for i, req in enumerate(reqs):
      req.send(b'%d' % i)
    for _ in reqs:
      request = rep.receive()
      self.assertIsNone(rep.arrived())
      rep.send(b'to ' + request[0])
    for i, req in enumerate(reqs):
      self.same(req.receive(), [b'to %d' % i])

  # ---- Envelopes ----

  @each_way
  def test_zuv_req_envelope(self, stage):
    req, router = stage.zuv('REQ'), stage.libzmq('ROUTER')
    stage.join(req, router)
    req.send(b'ask', b'more')
    peer, *rest = router.receive()
    self.same(rest, [b'', b'ask', b'more'])
    self.assertEqual((len(peer), peer[0]), (5, 0))
    router.send(peer, b'', b'reply', b'')
    self.same(req.receive(), [b'reply', b''])

  @each_way
  def test_zuv_router_and_libzmq_req(self, stage):
    router, req = stage.zuv('ROUTER'), stage.libzmq('REQ')
    stage.join(router, req)
    req.send(b'ask', b'more')
    peer, *rest = router.receive()
    self.same(rest, [b'', b'ask', b'more'])
    router.send(peer, b'', b'reply', b'')
    self.same(req.receive(), [b'reply', b''])

  @each_way
  def test_zuv_rep_returns_the_hops(self, stage):
    rep, dealer = stage.zuv('REP'), stage.libzmq('DEALER')
    stage.join(rep, dealer)
    self.hops(dealer, rep)

  @each_way
  def test_zuv_dealer_and_libzmq_rep(self, stage):
    dealer, rep = stage.zuv('DEALER'), stage.libzmq('REP')
    stage.join(dealer, rep)
    self.hops(dealer, rep)

  def hops(self, dealer, rep):
    """The reply carries the hops of its request; what has no delimiter is no
    request."""
    dealer.send(b'no delimiter', b'at all')
    dealer.send(b'hop1', b'hop2', b'', b'ask', b'', b'more')
    self.same(rep.receive(), [b'ask', b'', b'more'])
    rep.send(b'reply')
    self.same(dealer.receive(), [b'hop1', b'hop2', b'', b'reply'])
    dealer.send(b'', b'ask')
    self.same(rep.receive(), [b'ask'])
    rep.send(b'', b'reply')
    self.same(dealer.receive(), [b'', b'', b'reply'])

  @each_direction
  def test_zuv_rep_outlives_its_asker(self, stage):
    """A reply to nobody is dropped, and the next request is served."""
    rep = stage.zuv('REP')
    gone, req = stage.libzmq('REQ'), stage.libzmq('REQ')
    stage.join(rep, gone)
    self.carry(gone, rep, b'from one that leaves')
    gone.close()
    rep.wait_event('disconnected')
    rep.try_send(b'to nobody')
    stage.join(rep, req)
    self.carry(req, rep, b'question')
    self.carry(rep, req, b'answer')

  # ---- CORRELATE and RELAXED ----

  @each_direction
  def test_zuv_req_correlate(self, stage):
    """A reply with another request's number is passed over."""
    req = stage.zuv('REQ', {zmq.REQ_CORRELATE: 1})
    router = stage.libzmq('ROUTER')
    stage.join(req, router)
    numbers = []
    for i in range(3):
      req.send(b'ask %d' % i)
      peer, number, *rest = router.receive()
      self.assertEqual(len(number), 4)
      self.same(rest, [b'', b'ask %d' % i])
      numbers.append(int.from_bytes(number, sys.byteorder))
      router.send(peer, b'\0\1\2\3' if number != b'\0\1\2\3' else b'\0\0\0\0',
                  b'', b'wrong')
      router.send(peer, number, b'', b'right')
      self.same(req.receive(), [b'right'])
    first = numbers[0]
    self.assertEqual(numbers, [(first + i) % 2 ** 32 for i in range(3)])

  @each_direction
  def test_zuv_req_relaxed(self, stage):
    """A new request takes the place of the one that waits."""
    req = stage.zuv('REQ', {zmq.REQ_CORRELATE: 1, zmq.REQ_RELAXED: 1})
    router = stage.libzmq('ROUTER')
    stage.join(req, router)
    req.try_send(b'first')
    peer, first, *_ = router.receive()
    req.try_send(b'second')
    peer, second, _, body = router.receive()
    self.assertEqual(body, b'second')
    router.send(peer, first, b'', b'late')
    router.send(peer, second, b'', b'in time')
    self.same(req.receive(), [b'in time'])

  @each_direction
  def test_zuv_req_correlate_and_libzmq_rep(self, stage):
    req = stage.zuv('REQ', {zmq.REQ_CORRELATE: 1, zmq.REQ_RELAXED: 1})
    rep = stage.libzmq('REP')
    stage.join(req, rep)
    for i in range(10):
      self.carry(req, rep, b'ask %d' % i)
      self.carry(rep, req, b'reply %d' % i)
    req.try_send(b'given up')
    self.same(rep.receive(), [b'given up'])
    req.try_send(b'in its place')
    rep.send(b'late')
    self.same(rep.receive(), [b'in its place'])
    rep.send(b'in time')
    self.same(req.receive(), [b'in time'])

  @each_direction
  def test_libzmq_req_correlate_and_zuv_rep(self, stage):
    req = stage.libzmq('REQ', {zmq.REQ_CORRELATE: 1, zmq.REQ_RELAXED: 1})
    rep = stage.zuv('REP')
    stage.join(rep, req)
    for i in range(10):
      self.carry(req, rep, b'ask %d' % i)
      self.carry(rep, req, b'reply %d' % i)
    req.send(b'given up')
    self.same(rep.receive(), [b'given up'])
    req.send(b'in its place')
    rep.send(b'late')
    self.same(rep.receive(), [b'in its place'])
    rep.send(b'in time')
    self.same(req.receive(), [b'in time'])

  @each_direction
  def test_libzmq_req_correlate_and_zuv_router(self, stage):
    req = stage.libzmq('REQ', {zmq.REQ_CORRELATE: 1, zmq.REQ_RELAXED: 1})
    router = stage.zuv('ROUTER')
    stage.join(router, req)
    req.send(b'first')
    peer, first, empty, body = router.receive()
    self.assertEqual((len(first), empty, body), (4, b'', b'first'))
    req.send(b'second')
    second = router.receive()[1]
    router.send(peer, first, b'', b'late')
    router.send(peer, second, b'', b'in time')
    self.same(req.receive(), [b'in time'])


if __name__ == '__main__':
  main()
