"""PUSH and PULL."""

from interop import *


class PushPull(InteropTest):
  @each_way
  def test_zuv_push_all_sizes(self, stage):
    push, pull = stage.zuv('PUSH'), stage.libzmq('PULL')
    stage.join(push, pull)
    self.carry_all_sizes(push, pull, largest=LARGEST)

  @each_way
  def test_zuv_pull_all_sizes(self, stage):
    pull, push = stage.zuv('PULL'), stage.libzmq('PUSH')
    stage.join(pull, push)
    self.carry_all_sizes(push, pull, largest=LARGEST)

  @each_way
  def test_zuv_push_many_in_order(self, stage):
    push, pull = stage.zuv('PUSH'), stage.libzmq('PULL')
    stage.join(push, pull)
    self.carry_many(push, pull)

  @each_way
  def test_zuv_pull_many_in_order(self, stage):
    pull, push = stage.zuv('PULL'), stage.libzmq('PUSH')
    stage.join(pull, push)
    self.carry_many(push, pull)

  @each_way
  def test_zuv_push_alternates(self, stage):
    push = stage.zuv('PUSH')
    pulls = [stage.libzmq('PULL') for _ in range(3)]
    for pull in pulls:
      stage.join(push, pull)
    for i in range(30):
      push.send(b'%d' % i)
    taken = [[int(pull.receive()[0]) for _ in range(10)] for pull in pulls]
    self.assertEqual(sorted(sum(taken, [])), list(range(30)))
    for numbers in taken:
      first = numbers[0]
      self.assertEqual(numbers, list(range(first, first + 30, 3)))

  @one_way(zuv_binds=False)
  def test_queued_before_the_bind(self, stage):
    """What a connecting PUSH took while nobody listened arrives."""
    reserved = stage.libzmq('PULL')
    endpoint = reserved.bind(stage.wildcard())
    reserved.socket.unbind(endpoint)
    push = stage.zuv('PUSH')
    push.connect(endpoint)
    for i in range(5):
      push.send(b'%d' % i)
    push.wait_event('connect-retried')
    pull = stage.libzmq('PULL')
    pull.bind_again(endpoint)
    self.assertEqual([pull.receive() for _ in range(5)],
                     [[b'%d' % i] for i in range(5)])

  @each_way
  def test_close_sends_all(self, stage):
    """A closing socket lingers until the kernel has everything."""
    push, pull = stage.zuv('PUSH'), stage.libzmq('PULL')
    stage.join(push, pull)
    for seed in range(4):
      push.send(Pattern(4 * MiB, seed))
    closing = threading.Thread(target=push.close)
    closing.start()
    for seed in range(4):
      self.same(pull.receive(), [Pattern(4 * MiB, seed)])
    closing.join()


if __name__ == '__main__':
  main()
