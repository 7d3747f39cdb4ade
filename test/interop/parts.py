"""Message parts as the text of the peers' lines, see zuv_peer_text.h."""

PERIOD = 251


class Pattern(bytes):
  """SIZE bytes that count up from SEED: too large to write out."""

  def __new__(cls, size, seed=0):
    block = bytes((seed + i) % PERIOD for i in range(PERIOD))
    self = super().__new__(cls, (block * (size // PERIOD + 1))[:size])
    self.text = f'*{size}.{seed}'
    return self


def text_of(part):
  if isinstance(part, Pattern) and len(part) > 0:
    return part.text
  return bytes(part).hex() if len(part) > 0 else '-'


def part_of(text):
  if text == '-':
    return b''
  if text.startswith('*'):
    size, seed = text[1:].split('.')
    return Pattern(int(size), int(seed))
  if text.startswith('?'):
    raise AssertionError(f'received {text[1:]} bytes, not those sent')
  return bytes.fromhex(text)


def text_of_received(data):
  """As zuv_peer.c writes what it receives."""
  if len(data) > 32 and data[0] < PERIOD:
    pattern = Pattern(len(data), data[0])
    if data == pattern:
      return pattern.text
  return text_of(data)
