"""zuv_request() against REP and ROUTER of libzmq."""

from interop import *

COUNT = 500


class Requests(InteropTest):
  @each_way
  def test_rep_answers(self, stage):
    dealer, rep = stage.zuv('DEALER'), stage.libzmq('REP')
    stage.join(dealer, rep)
    for size in (0, 1, 48, 256, 4097, MiB):
      dealer.request(f'r{size}', 0, Pattern(size, 1), b'end')
      self.same(rep.receive(), [Pattern(size, 1), b'end'])
      rep.send(b'answer', Pattern(size, 2))
      ended = dealer.wait_ended()
      self.assertEqual((ended.name, ended.status), (f'r{size}', '0'))
      self.same(ended.parts, [b'answer', Pattern(size, 2)])

  @each_direction
  def test_many_at_a_time(self, stage):
    """REP takes one after the other; each reply finds its request."""
    dealer, rep = stage.zuv('DEALER'), stage.libzmq('REP')
    stage.join(dealer, rep)
    for i in range(COUNT):
      dealer.request(f'n{i}', 60000, b'%d' % i)
    for i in range(COUNT):
      body, = rep.receive()
      rep.send(b'reply to ' + bytes(body))
    for i in range(COUNT):
      ended = dealer.wait_ended()
      self.assertEqual(ended.status, '0')
      self.same(ended.parts, [b'reply to ' + ended.name[1:].encode()])
    self.assertEqual(dealer.stats().late_replies, 0)

  @each_direction
  def test_router_answers_in_any_order(self, stage):
    dealer, router = stage.zuv('DEALER'), stage.libzmq('ROUTER')
    stage.join(dealer, router)
    for i in range(COUNT):
      dealer.request(f'n{i}', 60000, b'%d' % i, b'')
    asked = [router.receive() for _ in range(COUNT)]
    for peer, number, empty, body, last in reversed(asked):
      self.assertEqual((len(number), empty, last), (4, b'', b''))
      router.send(peer, number, b'', body, b'replied')
    self.assertEqual(len({number for _, number, *_ in asked}), COUNT)
    for i in reversed(range(COUNT)):
      ended = dealer.wait_ended()
      self.assertEqual((ended.name, ended.status), (f'n{i}', '0'))
      self.same(ended.parts, [b'%d' % i, b'replied'])

  @each_direction
  def test_a_late_reply_is_nobodys(self, stage):
    dealer, router = stage.zuv('DEALER'), stage.libzmq('ROUTER')
    stage.join(dealer, router)
    dealer.request('late', 30, b'first')
    peer, late, empty, _ = router.receive()
    self.assertEqual(dealer.wait_ended(), Ended('late', 'UV_ETIMEDOUT', []))
    router.send(peer, late, empty, b'too late')
    router.send(peer, b'of its own accord')
    dealer.request('next', 0, b'second')
    peer, number, empty, _ = router.receive()
    router.send(peer, number, empty, b'in time')
    self.assertEqual(dealer.wait_ended(), Ended('next', '0', [b'in time']))
    self.same(dealer.receive(), [b'of its own accord'])
    self.assertEqual(dealer.stats().late_replies, 1)

  @one_way(True)
  def test_the_server_dies(self, stage):
    dealer, rep = stage.zuv('DEALER'), stage.libzmq_process('REP')
    stage.join(dealer, rep)
    dealer.request('lost', 0, b'question')
    self.same(rep.receive(), [b'question'])
    rep.kill()
    self.assertEqual(dealer.wait_ended(), Ended('lost', 'UV_ECONNRESET', []))

  @each_direction
  def test_statistics(self, stage):
    """What the other side has is what was counted."""
    pair, other = stage.zuv('PAIR'), stage.libzmq('PAIR')
    stage.join(pair, other)
    out = into = 0
    for count, size in enumerate((0, 1, 255, 256, 4096, 4097, 65536, MiB), 1):
      self.carry(pair, other, b'head', Pattern(size, 1))
      self.carry(other, pair, Pattern(size, 2), b'tail.')
      out += 4 + size
      into += 5 + size
      self.assertEqual(pair.stats(), Stats(0, count, out, count, into, 1))


if __name__ == '__main__':
  main()
