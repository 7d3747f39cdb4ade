"""PUB, SUB, XPUB and XSUB."""

from interop import *

UNLIMITED = {zmq.SNDHWM: 0, zmq.RCVHWM: 0}


class PubSub(InteropTest):
  def meet(self, pub, sub, topic=b''):
    """Publishes until it is heard: the subscription has arrived."""
    def heard():
      pub.send(topic + b'meet')
      return sub.arrived() is not None
    wait_until(heard, 'the subscription never arrived')
    pub.send(topic + b'met')
    while sub.receive() != [topic + b'met']:
      pass

  # ---- PUB and SUB ----

  @each_way
  def test_zuv_pub_all_sizes(self, stage):
    pub, sub = stage.zuv('PUB'), stage.libzmq('SUB', {zmq.SUBSCRIBE: b''})
    stage.join(pub, sub)
    self.meet(pub, sub)
    self.carry_all_sizes(pub, sub, largest=stage.largest)

  @each_way
  def test_zuv_sub_all_sizes(self, stage):
    sub, pub = stage.zuv('SUB', {zmq.SUBSCRIBE: b''}), stage.libzmq('PUB')
    stage.join(sub, pub)
    self.meet(pub, sub)
    self.carry_all_sizes(pub, sub, largest=stage.largest)

  @each_way
  def test_zuv_pub_many_in_order(self, stage):
    pub = stage.zuv('PUB', UNLIMITED)
    sub = stage.libzmq('SUB', {**UNLIMITED, zmq.SUBSCRIBE: b''})
    stage.join(pub, sub)
    self.meet(pub, sub)
    self.carry_many(pub, sub)

  @each_way
  def test_zuv_sub_many_in_order(self, stage):
    sub = stage.zuv('SUB', {**UNLIMITED, zmq.SUBSCRIBE: b''})
    pub = stage.libzmq('PUB', UNLIMITED)
    stage.join(sub, pub)
    self.meet(pub, sub)
    self.carry_many(pub, sub)

  @each_way
  def test_zuv_pub_filters(self, stage):
    pub, sub = stage.zuv('PUB'), stage.libzmq('SUB')
    stage.join(pub, sub)
    self.filters(pub, sub)

  @each_way
  def test_zuv_sub_filters(self, stage):
    sub, pub = stage.zuv('SUB'), stage.libzmq('PUB')
    stage.join(sub, pub)
    self.filters(pub, sub)

  def filters(self, pub, sub):
    """Only the first part counts, only as a prefix, and only once."""
    sub.set(zmq.SUBSCRIBE, b'A')
    sub.set(zmq.SUBSCRIBE, b'AB')
    sub.set(zmq.SUBSCRIBE, b'z')
    self.meet(pub, sub, b'z')
    pub.send(b'B', b'A')
    pub.send(b'', b'A')
    pub.send(b'ABC', b'', b'second')
    pub.send(b'a')
    pub.send(b'A')
    self.same(sub.receive(), [b'ABC', b'', b'second'])
    self.same(sub.receive(), [b'A'])
    sub.set(zmq.UNSUBSCRIBE, b'A')
    sub.set(zmq.SUBSCRIBE, b'y')
    self.meet(pub, sub, b'y')
    pub.send(b'A')
    pub.send(b'AB')
    self.same(sub.receive(), [b'AB'])
    sub.set(zmq.UNSUBSCRIBE, b'AB')
    sub.set(zmq.SUBSCRIBE, b'x')
    self.meet(pub, sub, b'x')
    pub.send(b'AB')
    pub.send(b'z')
    self.same(sub.receive(), [b'z'])

  @each_way
  def test_zuv_pub_to_many(self, stage):
    """Each of many subscribers gets its own topic and the common one."""
    pub = stage.zuv('PUB')
    subs = [stage.libzmq('SUB') for _ in range(20)]
    for i, sub in enumerate(subs):
      sub.set(zmq.SUBSCRIBE, b'%02d' % i)
      sub.set(zmq.SUBSCRIBE, b'all')
      stage.join(pub, sub)
    for i, sub in enumerate(subs):
      self.meet(pub, sub, b'%02d' % i)
    pub.send(b'all', Pattern(100000, 3))
    for i in range(len(subs)):
      pub.send(b'%02d' % i, b'own')
    for i, sub in enumerate(subs):
      self.same(sub.receive(), [b'all', Pattern(100000, 3)])
      self.same(sub.receive(), [b'%02d' % i, b'own'])

  @each_way
  def test_zuv_sub_inverted(self, stage):
    sub = stage.zuv('SUB', {zmq.INVERT_MATCHING: 1, zmq.SUBSCRIBE: b'no'})
    pub = stage.libzmq('PUB', {zmq.INVERT_MATCHING: 1})
    stage.join(sub, pub)
    self.inverted(pub, sub)

  @each_way
  def test_zuv_pub_inverted(self, stage):
    pub = stage.zuv('PUB', {zmq.INVERT_MATCHING: 1})
    sub = stage.libzmq('SUB', {zmq.INVERT_MATCHING: 1, zmq.SUBSCRIBE: b'no'})
    stage.join(pub, sub)
    self.inverted(pub, sub)

  def inverted(self, pub, sub):
    self.meet(pub, sub, b'yes')
    pub.send(b'nobody')
    pub.send(b'yes')
    self.same(sub.receive(), [b'yes'])

  # ---- Subscriptions seen by XPUB ----

  @each_way
  def test_zuv_xpub_sees_subscriptions(self, stage):
    xpub, sub = stage.zuv('XPUB'), stage.libzmq('SUB')
    stage.join(xpub, sub)
    self.subscriptions(xpub, sub)
    sub.close()
    self.assertEqual(sorted(xpub.receive() for _ in range(2)),
                     [[b'\0B'], [b'\0C']])

  @each_way
  def test_libzmq_xpub_sees_subscriptions(self, stage):
    sub, xpub = stage.zuv('SUB'), stage.libzmq('XPUB')
    stage.join(sub, xpub)
    self.subscriptions(xpub, sub)
    sub.close()
    # A connecting libzmq XPUB expects its subscriber back and keeps them.
    if not stage.zuv_binds:
      self.assertEqual(sorted(xpub.receive() for _ in range(2)),
                       [[b'\0B'], [b'\0C']])

  def subscriptions(self, xpub, sub):
    """A topic is told when it is new and when its last use ends."""
    sub.set(zmq.SUBSCRIBE, b'A')
    self.same(xpub.receive(), [b'\1A'])
    sub.set(zmq.SUBSCRIBE, b'A')
    sub.set(zmq.SUBSCRIBE, b'B')
    self.same(xpub.receive(), [b'\1B'])
    sub.set(zmq.UNSUBSCRIBE, b'A')
    sub.set(zmq.UNSUBSCRIBE, b'never')
    sub.set(zmq.SUBSCRIBE, b'C')
    self.same(xpub.receive(), [b'\1C'])
    self.carry(xpub, sub, b'A still')
    sub.set(zmq.UNSUBSCRIBE, b'A')
    self.same(xpub.receive(), [b'\0A'])
    xpub.send(b'A no more')
    self.carry(xpub, sub, b'B')

  @each_way
  def test_libzmq_xsub_long_topics(self, stage):
    xpub, sub = stage.zuv('XPUB'), stage.libzmq('XSUB')
    stage.join(xpub, sub)
    for size in (244, 245, 246, 254, 255, 256, 70000):
      sub.send(b'\1' + b't' * size)
      self.same(xpub.receive(), [b'\1' + b't' * size])

  @each_way
  def test_zuv_sub_long_topics(self, stage):
    """From 246 bytes on, a SUBSCRIBE command has a long header."""
    sub, xpub = stage.zuv('SUB'), stage.libzmq('XPUB')
    stage.join(sub, xpub)
    for size in (1, 100, 244, 245, 246, 254, 255, 256, 70000):
      sub.set(zmq.SUBSCRIBE, b't' * size)
      self.same(xpub.receive(), [b'\1' + b't' * size])
    self.carry(xpub, sub, b't' * 70001)

  @each_way
  def test_subscribed_before_the_peer(self, stage):
    """Ten thousand topics set before there is anybody to tell."""
    topics = sorted(b'%05d' % i for i in range(10000))
    sub = stage.zuv('SUB')
    for topic in topics:
      sub.set(zmq.SUBSCRIBE, topic)
    xpub = stage.libzmq('XPUB', UNLIMITED)
    stage.join(sub, xpub)
    self.assertEqual(sorted(xpub.receive()[0] for _ in topics),
                     [b'\1' + topic for topic in topics])
    self.carry(xpub, sub, topics[5000], b'body')

  @each_way
  def test_libzmq_subscribed_before_the_peer(self, stage):
    topics = sorted(b'%05d' % i for i in range(10000))
    sub = stage.libzmq('SUB', UNLIMITED)
    for topic in topics:
      sub.set(zmq.SUBSCRIBE, topic)
    xpub = stage.zuv('XPUB')
    stage.join(xpub, sub)
    self.assertEqual(sorted(xpub.receive()[0] for _ in topics),
                     [b'\1' + topic for topic in topics])
    self.carry(xpub, sub, topics[5000], b'body')

  # ---- XPUB's options ----

  @each_way
  def test_zuv_xpub_verbose(self, stage):
    xpub = stage.zuv('XPUB', {zmq.XPUB_VERBOSE: 1})
    subs = [stage.libzmq('SUB') for _ in range(2)]
    for sub in subs:
      stage.join(xpub, sub)
      sub.set(zmq.SUBSCRIBE, b'A')
      self.same(xpub.receive(), [b'\1A'])
    subs[0].set(zmq.SUBSCRIBE, b'A')
    self.same(xpub.receive(), [b'\1A'])
    for _ in range(2):
      subs[0].set(zmq.UNSUBSCRIBE, b'A')
    subs[1].set(zmq.UNSUBSCRIBE, b'A')
    subs[1].set(zmq.SUBSCRIBE, b'B')
    # The last of the two A is told, whichever came first.
    self.same(xpub.receive(), [b'\0A'])
    self.same(xpub.receive(), [b'\1B'])

  @each_way
  def test_zuv_xpub_welcome(self, stage):
    xpub = stage.zuv('XPUB', {zmq.XPUB_WELCOME_MSG: b'welcome'})
    sub = stage.libzmq('SUB', {zmq.SUBSCRIBE: b'wel'})
    stage.join(xpub, sub)
    self.same(sub.receive(), [b'welcome'])

  @each_way
  def test_libzmq_xpub_welcome(self, stage):
    sub = stage.zuv('SUB', {zmq.SUBSCRIBE: b'wel'})
    xpub = stage.libzmq('XPUB', {zmq.XPUB_WELCOME_MSG: b'welcome'})
    stage.join(sub, xpub)
    self.same(xpub.receive(), [b'\1wel'])
    self.same(sub.receive(), [b'welcome'])

  @each_way
  def test_zuv_xpub_manual(self, stage):
    """The application decides what a subscriber is subscribed to."""
    xpub = stage.zuv('XPUB', {zmq.XPUB_MANUAL: 1})
    sub = stage.libzmq('SUB', {zmq.SUBSCRIBE: b''})
    stage.join(xpub, sub)
    self.same(xpub.receive(), [b'\1'])
    xpub.set(zmq.SUBSCRIBE, b'B')
    xpub.send(b'A')
    self.carry(xpub, sub, b'B')

  # ---- XSUB ----

  @each_way
  def test_zuv_xsub(self, stage):
    xsub, xpub = stage.zuv('XSUB'), stage.libzmq('XPUB')
    stage.join(xsub, xpub)
    self.xsub(xpub, xsub)
    self.carry_all_sizes(xpub, xsub, largest=stage.largest)

  @each_way
  def test_libzmq_xsub(self, stage):
    xpub, xsub = stage.zuv('XPUB'), stage.libzmq('XSUB')
    stage.join(xpub, xsub)
    self.xsub(xpub, xsub)
    self.carry_all_sizes(xpub, xsub, largest=stage.largest)

  @each_way
  def test_zuv_xsub_many_in_order(self, stage):
    xsub, xpub = stage.zuv('XSUB', UNLIMITED), stage.libzmq('XPUB', UNLIMITED)
    stage.join(xsub, xpub)
    self.subscribed(xpub, xsub)
    self.carry_many(xpub, xsub)

  @each_way
  def test_zuv_xpub_many_in_order(self, stage):
    xpub, xsub = stage.zuv('XPUB', UNLIMITED), stage.libzmq('XSUB', UNLIMITED)
    stage.join(xpub, xsub)
    self.subscribed(xpub, xsub)
    self.carry_many(xpub, xsub)

  def subscribed(self, xpub, xsub):
    xsub.send(b'\1')
    self.same(xpub.receive(), [b'\1'])

  def xsub(self, xpub, xsub):
    """Subscriptions are messages here, and other messages go up, too."""
    xsub.send(b'\1A')
    self.same(xpub.receive(), [b'\1A'])
    xsub.send(b'\1A')
    xsub.send(b'\1B')
    self.same(xpub.receive(), [b'\1B'])
    self.carry(xpub, xsub, b'A', b'body')
    self.carry(xsub, xpub, b'user', b'message')
    self.carry(xsub, xpub, b'')
    xsub.send(b'\0A')
    xsub.send(b'\0never')
    xsub.send(b'\0A')
    self.same(xpub.receive(), [b'\0A'])
    xpub.send(b'A')
    self.carry(xpub, xsub, b'B')
    xsub.send(b'\1')
    self.same(xpub.receive(), [b'\1'])

  @each_way
  def test_zuv_pub_and_libzmq_xsub(self, stage):
    pub, xsub = stage.zuv('PUB'), stage.libzmq('XSUB')
    stage.join(pub, xsub)
    xsub.send(b'dropped by PUB')
    xsub.send(b'\1')
    self.meet(pub, xsub)

  @each_way
  def test_zuv_xsub_and_libzmq_pub(self, stage):
    xsub, pub = stage.zuv('XSUB'), stage.libzmq('PUB')
    stage.join(xsub, pub)
    xsub.send(b'dropped by PUB')
    xsub.send(b'\1')
    self.meet(pub, xsub)


if __name__ == '__main__':
  main()
