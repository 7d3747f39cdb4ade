#!/usr/bin/env python3
"""Checks zuv-keygen: what it prints, the files it makes, and that it makes both
or none.

    test_keygen.py PROGRAM
"""
import os
import pathlib
import re
import resource
import signal
import stat
import subprocess
import sys
import tempfile
import unittest

try:
  import zmq.auth
except ImportError:
  zmq = None

program = str(pathlib.Path(sys.argv.pop(1)).resolve())
KEY = r'[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}'


class Keygen(unittest.TestCase):
  def setUp(self):
    directory = tempfile.TemporaryDirectory()
    self.addCleanup(directory.cleanup)
    self.directory = pathlib.Path(directory.name)

  def run_it(self, *arguments, **options):
    return subprocess.run([program, *arguments], text=True, timeout=30,
                          cwd=self.directory, capture_output=True, **options)

  def succeed(self, *arguments, **options):
    result = self.run_it(*arguments, **options)
    self.assertEqual((result.returncode, result.stderr), (0, ''))
    return result.stdout

  def fail(self, code, *arguments, **options):
    result = self.run_it(*arguments, **options)
    self.assertEqual((result.returncode, result.stdout), (code, ''))
    self.assertTrue(result.stderr.startswith('zuv-keygen: '), result.stderr)
    return result.stderr

  def public_of(self, secret):
    return self.succeed('--public', input=secret)

  def read(self, name):
    return (self.directory / name).read_text()

  def files(self):
    return sorted(os.listdir(self.directory))

  def mode(self, name):
    return stat.S_IMODE((self.directory / name).stat().st_mode)

  def test_a_pair_is_printed(self):
    output = self.succeed()
    match = re.fullmatch(f'public ({KEY})\nsecret ({KEY})\n', output)
    self.assertIsNotNone(match, output)
    self.assertEqual(self.public_of(match[2]), match[1] + '\n')
    self.assertEqual(self.files(), [])

  def test_pairs_differ(self):
    self.assertEqual(len({self.succeed() for _ in range(5)}), 5)

  def test_the_known_answer(self):
    """The example of zmq_curve_keypair(3)."""
    self.assertEqual(
        self.public_of('JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6\n'),
        'rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7\n')

  def test_files(self):
    public = self.succeed('alice')
    self.assertEqual(self.files(), ['alice.public', 'alice.secret'])
    self.assertRegex(public, f'^{KEY}\n$')
    self.assertEqual(self.read('alice.public'), public)
    self.assertEqual(self.public_of(self.read('alice.secret')), public)

  def test_certificates(self):
    public = self.succeed('--certificate', 'alice').strip()
    self.assertEqual(self.files(), ['alice.key', 'alice.key_secret'])
    start = f'metadata\ncurve\n    public-key = "{public}"\n'
    self.assertEqual(self.read('alice.key'), start)
    rest = self.read('alice.key_secret').removeprefix(start)
    match = re.fullmatch(f'    secret-key = "({KEY})"\n', rest)
    self.assertIsNotNone(match, rest)
    self.assertEqual(self.public_of(match[1]), public + '\n')
    self.assertEqual((self.mode('alice.key'), self.mode('alice.key_secret')),
                     (0o644, 0o600))

  @unittest.skipUnless(zmq, 'needs pyzmq')
  def test_pyzmq_loads_the_certificates(self):
    for _ in range(20):
      with tempfile.TemporaryDirectory() as directory:
        public = self.succeed('--certificate', directory + '/alice').strip()
        pair = zmq.auth.load_certificate(directory + '/alice.key_secret')
        self.assertEqual(pair[0], public.encode())
        self.assertEqual(zmq.curve_public(pair[1]), pair[0])
        self.assertEqual(zmq.auth.load_certificates(directory), {pair[0]: True})

  def test_names_with_directories(self):
    (self.directory / 'keys').mkdir()
    self.succeed('keys/alice')
    self.succeed(str(self.directory / 'keys' / 'bob'))
    self.succeed('--', '-carol')
    self.assertEqual(sorted(os.listdir(self.directory / 'keys')),
                     ['alice.public', 'alice.secret',
                      'bob.public', 'bob.secret'])
    self.assertEqual(self.files(), ['-carol.public', '-carol.secret', 'keys'])

  def test_modes_do_not_depend_on_the_umask(self):
    for umask in 0o000, 0o022, 0o077, 0o277, 0o777:
      name = f'{umask:o}'
      self.succeed(name, preexec_fn=lambda: os.umask(umask))
      self.assertEqual((self.mode(name + '.public'),
                        self.mode(name + '.secret')), (0o644, 0o600), name)

  def test_files_that_exist_stay_as_they_are(self):
    for name in 'alice.public', 'alice.secret':
      (self.directory / name).write_text('mine')
      self.assertIn(name, self.fail(1, 'alice'))
      self.assertEqual(self.files(), [name])
      self.assertEqual(self.read(name), 'mine')
      (self.directory / name).unlink()

  def test_links_are_not_followed(self):
    for name in 'alice.public', 'alice.secret':
      (self.directory / name).symlink_to('elsewhere')
      self.assertIn(name, self.fail(1, 'alice'))
      self.assertEqual(self.files(), [name])
      (self.directory / name).unlink()

  def test_a_second_run_keeps_the_first_pair(self):
    public = self.succeed('alice')
    secret = self.read('alice.secret')
    self.fail(1, 'alice')
    self.assertEqual(self.read('alice.public'), public)
    self.assertEqual(self.read('alice.secret'), secret)

  def test_both_files_or_none(self):
    """Nothing fits: the write fails, and a signal says so, ignored or not."""
    def limit():
      resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
      resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    for arguments in ['alice'], ['--certificate', 'alice']:
      for default_signals in False, True:
        result = self.run_it(*arguments, preexec_fn=limit,
                             restore_signals=default_signals)
        self.assertEqual(result.returncode,
                         -signal.SIGXFSZ if default_signals else 1)
        self.assertEqual(self.files(), [])

  def test_directories_that_cannot_be_written(self):
    self.assertIn('nowhere', self.fail(1, 'nowhere/alice'))
    (self.directory / 'file').write_text('')
    self.assertIn('file', self.fail(1, 'file/alice'))
    self.fail(1, '/proc/alice')  # refuses root, too
    (self.directory / 'file').unlink()
    if os.geteuid() != 0:
      self.directory.chmod(0o555)
      self.fail(1, 'alice')
      self.directory.chmod(0o755)
    self.assertEqual(self.files(), [])

  def test_a_name_that_is_too_long(self):
    self.fail(1, 'a' * 250)
    self.assertEqual(self.files(), [])

  def test_output_that_cannot_be_written(self):
    for arguments in [], ['alice'], ['--help'], ['--version']:
      with open('/dev/full', 'w') as full:
        result = subprocess.run([program, *arguments], stdout=full, timeout=30,
                                stderr=subprocess.PIPE, cwd=self.directory)
      self.assertEqual(result.returncode, 1)
    self.assertEqual(self.files(), ['alice.public', 'alice.secret'])

  def test_what_is_no_secret_key(self):
    for text in '', '\n', 'a' * 39, 'a' * 41, 'a' * 1000, '~' * 40, '#' * 40:
      self.fail(1, '--public', input=text)

  def test_wrong_arguments(self):
    for arguments in (['alice', 'bob'], [''], ['keys/'], ['--certificate'],
                      ['--certificate', 'alice', 'bob'], ['--public', 'alice'],
                      ['--public', '--certificate'], ['--help', 'alice']):
      self.fail(2, *arguments)
    self.assertEqual(self.run_it('--secret').returncode, 2)
    self.assertEqual(self.run_it('-p').returncode, 2)
    self.assertEqual(self.files(), [])

  def test_help_and_version(self):
    text = self.succeed('--help')
    for word in '--public', '--certificate', 'NAME.secret':
      self.assertIn(word, text)
    self.assertRegex(self.succeed('--version'), r'^zuv-keygen \d+\.\d+\.\d+\n$')


if __name__ == '__main__':
  unittest.main()
