/* Endpoint strings: what bind and connect accept, what they make of it, and
 * the text that addresses are given back. */
#include "transport/endpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <uv.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

typedef int (*parse_t)(const char *text, zuv__endpoint_address_t *out);

static void expect_status(parse_t parse, const char *text, int expected) {
  zuv__endpoint_address_t address;
  int status = parse(text, &address);

  if (status != expected)
    fail_msg("%s: %d instead of %d", text, status, expected);
}

static void expect_statuses(parse_t parse, const char *const *texts,
                            size_t count, int expected) {
  size_t i;

  for (i = 0; i < count; i++)
    expect_status(parse, texts[i], expected);
}

/* `prefix`, then `length` times `byte`, then `suffix`. */
static const char *long_text(const char *prefix, size_t length, char byte,
                             const char *suffix) {
  static char text[1024];
  size_t start = strlen(prefix);

  assert_true(start + length + strlen(suffix) < sizeof(text));
  strcpy(text, prefix);
  memset(text + start, byte, length);
  strcpy(text + start + length, suffix);
  return text;
}

static void text_without_scheme_or_address_is_invalid(void **state) {
  static const char *const texts[] = {
      NULL,
      "",
      "tcp",
      "tcp:",
      "tcp:/",
      "tcp:/x",
      "://",
      "://a",
      "tcp://",
      "ipc://",
      "inproc://",
      "unknown://",
      "tcp//a:1",
      "a",
      ":",
      "/",
      "127.0.0.1:5555",
      "tcp: //a",
      ":// ://",
      "://tcp:",
      "tcp:/ /a",
  };

  (void)state;
  expect_statuses(zuv__endpoint_parse_bind, texts, COUNT(texts), UV_EINVAL);
  expect_statuses(zuv__endpoint_parse_connect, texts, COUNT(texts), UV_EINVAL);
}

static void other_schemes_are_not_supported(void **state) {
  static const char *const texts[] = {
      "udp://127.0.0.1:5",  "pgm://lo;224.0.0.1:5",
      "epgm://224.0.0.1:5", "norm://224.0.0.1:5",
      "tipc://{1,2,3}",     "vmci://1:2",
      "ws://127.0.0.1:5",   "wss://127.0.0.1:5",
      "vsock://1:2",        "TCP://127.0.0.1:5",
      "Tcp://127.0.0.1:5",  "IPC:///a",
      "InProc://a",         "tcp4://127.0.0.1:5",
      "tc://127.0.0.1:5",   " tcp://127.0.0.1:5",
      "tcp ://127.0.0.1:5", "tcp\n://127.0.0.1:5",
      "tcp:://127.0.0.1:5", "x://y",
      "inpro://a",          "inprocs://a",
      "\xff://a",           "tcp:/://127.0.0.1:5"};

  (void)state;
  expect_statuses(zuv__endpoint_parse_bind, texts, COUNT(texts),
                  UV_EPROTONOSUPPORT);
  expect_statuses(zuv__endpoint_parse_connect, texts, COUNT(texts),
                  UV_EPROTONOSUPPORT);
}

static void tcp_bind_takes_hosts_and_ports(void **state) {
  static const struct {
    const char *text;
    const char *host;
    uint16_t port;
    bool any_host;
    bool any_port;
  } rows[] = {
      {"tcp://*:*", "*", 0, true, true},
      {"tcp://*:0", "*", 0, true, true},
      {"tcp://*:5555", "*", 5555, true, false},
      {"tcp://127.0.0.1:*", "127.0.0.1", 0, false, true},
      {"tcp://127.0.0.1:0", "127.0.0.1", 0, false, true},
      {"tcp://127.0.0.1:1", "127.0.0.1", 1, false, false},
      {"tcp://127.0.0.1:65535", "127.0.0.1", 65535, false, false},
      {"tcp://127.0.0.1:0080", "127.0.0.1", 80, false, false},
      {"tcp://lo:*", "lo", 0, false, true},
      {"tcp://eth0:1:5555", "eth0:1", 5555, false, false},
      {"tcp://br-lan@x:5555", "br-lan@x", 5555, false, false},
      {"tcp://localhost:*", "localhost", 0, false, true},
      {"tcp://_a.example.org:5", "_a.example.org", 5, false, false},
      {"tcp://[::1]:*", "::1", 0, false, true},
      {"tcp://[::1]:5555", "::1", 5555, false, false},
      {"tcp://::1:*", "::1", 0, false, true},
      {"tcp://::1:5555", "::1", 5555, false, false},
      {"tcp://[::]:5", "::", 5, false, false},
      {"tcp://:::5", "::", 5, false, false},
      {"tcp://[::ffff:127.0.0.1]:5", "::ffff:127.0.0.1", 5, false, false},
      {"tcp://[fe80::1%lo]:5", "fe80::1%lo", 5, false, false},
      {"tcp://[fe80::1%3]:5", "fe80::1%3", 5, false, false},
      {"tcp://fe80::1%lo:5", "fe80::1%lo", 5, false, false},
      {"tcp://\xc3\xa9th0:5", "\xc3\xa9th0", 5, false, false},
  };
  zuv__endpoint_address_t address;
  size_t i;

  (void)state;
  for (i = 0; i < COUNT(rows); i++) {
    expect_status(zuv__endpoint_parse_bind, rows[i].text, 0);
    assert_int_equal(zuv__endpoint_parse_bind(rows[i].text, &address), 0);
    assert_int_equal(address.scheme, ZUV__TRANSPORT_TCP);
    assert_string_equal(address.u.tcp.host, rows[i].host);
    assert_int_equal(address.u.tcp.port, rows[i].port);
    assert_int_equal(address.u.tcp.any_host, rows[i].any_host);
    assert_int_equal(address.u.tcp.any_port, rows[i].any_port);
    assert_false(address.u.tcp.has_source);
  }
}

static void tcp_bind_checks_and_ignores_a_source(void **state) {
  static const char *const good[] = {
      "tcp://lo:0;127.0.0.1:5", "tcp://lo:*;127.0.0.1:5",
      "tcp://127.0.0.2:70;127.0.0.1:5", "tcp://[::1]:0;127.0.0.1:5"};
  static const char *const bad[] = {
      "tcp://lo;127.0.0.1:*",
      "tcp://lo:;127.0.0.1:5",
      "tcp://lo:x;127.0.0.1:5",
      "tcp://lo:65536;127.0.0.1:5",
      "tcp://:0;127.0.0.1:5",
      "tcp://;127.0.0.1:5",
      "tcp://*:0;127.0.0.1:5",
      "tcp://[]:0;127.0.0.1:5",
      "tcp://lo:0;",
      "tcp://lo:0;127.0.0.1",
      "tcp://lo:0;lo:0;127.0.0.1:5",
  };
  zuv__endpoint_address_t address;
  size_t i;

  (void)state;
  for (i = 0; i < COUNT(good); i++) {
    expect_status(zuv__endpoint_parse_bind, good[i], 0);
    assert_int_equal(zuv__endpoint_parse_bind(good[i], &address), 0);
    assert_string_equal(address.u.tcp.host, "127.0.0.1");
    assert_int_equal(address.u.tcp.port, 5);
    assert_false(address.u.tcp.has_source);
  }
  expect_statuses(zuv__endpoint_parse_bind, bad, COUNT(bad), UV_EINVAL);
}

static void tcp_bind_refuses_malformed_ports(void **state) {
  static const char *const texts[] = {
      "tcp://127.0.0.1",
      "tcp://127.0.0.1:",
      "tcp://127.0.0.1:abc",
      "tcp://127.0.0.1:65536",
      "tcp://127.0.0.1:70000",
      "tcp://127.0.0.1:-1",
      "tcp://127.0.0.1:+5",
      "tcp://127.0.0.1:80x",
      "tcp://127.0.0.1:x80",
      "tcp://127.0.0.1: 80",
      "tcp://127.0.0.1:80 ",
      "tcp://127.0.0.1:80/",
      "tcp://127.0.0.1:80\n",
      "tcp://127.0.0.1:0x50",
      "tcp://127.0.0.1:8.0",
      "tcp://127.0.0.1:00",
      "tcp://127.0.0.1:**",
      "tcp://127.0.0.1:*5",
      "tcp://127.0.0.1:5*",
      "tcp://127.0.0.1:4294967377",
      "tcp://127.0.0.1:18446744073709551696",
      "tcp://127.0.0.1:\xd9\xa5",
      "tcp://*",
      "tcp://localhost",
      "tcp://:",
      "tcp://:x",
      "tcp://::",
  };

  (void)state;
  expect_statuses(zuv__endpoint_parse_bind, texts, COUNT(texts), UV_EINVAL);
}

static void tcp_bind_refuses_malformed_brackets(void **state) {
  static const char *const texts[] = {
      "tcp://[::1]",         "tcp://[::1]:",      "tcp://[::1:5",
      "tcp://::1]:5",        "tcp://[]:5",        "tcp://[:5",
      "tcp://]:5",           "tcp://[[::1]]:5",   "tcp://[::1]]:5",
      "tcp://[::1]x:5",      "tcp://x[::1]:5",    "tcp://[*]:5",
      "tcp://[127.0.0.1]:5", "tcp://[lo]:5",      "tcp://[::1%]:5",
      "tcp://[%lo]:5",       "tcp://[::1 ]:5",    "tcp://[1:2:3:4:5:6:7:8:9]:5",
      "tcp://[::1::]:5",     "tcp://[::12345]:5", "tcp://[::g]:5"};

  (void)state;
  expect_statuses(zuv__endpoint_parse_bind, texts, COUNT(texts), UV_EINVAL);
}

static void tcp_bind_refuses_bytes_that_no_name_has(void **state) {
  static const char *const texts[] = {
      "tcp://127.0.0.1/:5", "tcp://a b:5",     "tcp:// :5",
      "tcp://a\t:5",        "tcp://\x01:5",    "tcp://a\x7f:5",
      "tcp:///tmp/x:5",     "tcp://tcp://a:5",
  };

  (void)state;
  expect_statuses(zuv__endpoint_parse_bind, texts, COUNT(texts), UV_EINVAL);
}

static void tcp_bind_to_an_empty_host_has_no_device(void **state) {
  static const char *const texts[] = {
      "tcp://:*",
      "tcp://:0",
      "tcp://:5555",
      "tcp://lo:0;:5",
  };

  (void)state;
  expect_statuses(zuv__endpoint_parse_bind, texts, COUNT(texts), UV_ENODEV);
}

static void tcp_connect_takes_hosts_and_sources(void **state) {
  static const struct {
    const char *text;
    const char *host;
    uint16_t port;
    const char *source;
    uint16_t source_port;
  } rows[] = {
      {"tcp://127.0.0.1:5555", "127.0.0.1", 5555, NULL, 0},
      {"tcp://127.0.0.1:1", "127.0.0.1", 1, NULL, 0},
      {"tcp://127.0.0.1:65535", "127.0.0.1", 65535, NULL, 0},
      {"tcp://localhost:5", "localhost", 5, NULL, 0},
      {"tcp://a-b_c.example.org:5", "a-b_c.example.org", 5, NULL, 0},
      {"tcp://example.org.:5", "example.org.", 5, NULL, 0},
      {"tcp://9front.org:5", "9front.org", 5, NULL, 0},
      {"tcp://[::1]:5", "::1", 5, NULL, 0},
      {"tcp://::1:5", "::1", 5, NULL, 0},
      {"tcp://[fe80::1%lo]:5", "fe80::1%lo", 5, NULL, 0},
      {"tcp://fe80::1%3:5", "fe80::1%3", 5, NULL, 0},
      {"tcp://[::ffff:1.2.3.4]:5", "::ffff:1.2.3.4", 5, NULL, 0},
      {"tcp://127.0.0.2:0;127.0.0.1:5", "127.0.0.1", 5, "127.0.0.2", 0},
      {"tcp://127.0.0.2:*;127.0.0.1:5", "127.0.0.1", 5, "127.0.0.2", 0},
      {"tcp://127.0.0.2:7;127.0.0.1:5", "127.0.0.1", 5, "127.0.0.2", 7},
      {"tcp://lo:0;localhost:5", "localhost", 5, "lo", 0},
      {"tcp://eth0:1:7;localhost:5", "localhost", 5, "eth0:1", 7},
      {"tcp://[::1]:0;[::1]:5", "::1", 5, "::1", 0},
      {"tcp://::1:0;::1:5", "::1", 5, "::1", 0},
      {"tcp://[fe80::1%lo]:0;[::1]:5", "::1", 5, "fe80::1%lo", 0},
  };
  zuv__endpoint_address_t address;
  size_t i;

  (void)state;
  for (i = 0; i < COUNT(rows); i++) {
    expect_status(zuv__endpoint_parse_connect, rows[i].text, 0);
    assert_int_equal(zuv__endpoint_parse_connect(rows[i].text, &address), 0);
    assert_int_equal(address.scheme, ZUV__TRANSPORT_TCP);
    assert_string_equal(address.u.tcp.host, rows[i].host);
    assert_int_equal(address.u.tcp.port, rows[i].port);
    assert_false(address.u.tcp.any_host);
    assert_false(address.u.tcp.any_port);
    assert_int_equal(address.u.tcp.has_source, rows[i].source != NULL);
    if (rows[i].source != NULL)
      assert_string_equal(address.u.tcp.source, rows[i].source);
    assert_int_equal(address.u.tcp.source_port, rows[i].source_port);
  }
}

static void tcp_connect_refuses_what_libzmq_refuses(void **state) {
  static const char *const texts[] = {
      "tcp://*:5555",    "tcp://h:*",
      "tcp://h",         "tcp://h:",
      "tcp://h:x",       "tcp://-a:55",
      "tcp://_a:55",     "tcp://a b:55",
      "tcp://a:55/",     "tcp://*:0;127.0.0.1:5",
      "tcp://a:55/path", "tcp://a@b:55"};

  (void)state;
  expect_statuses(zuv__endpoint_parse_connect, texts, COUNT(texts), UV_EINVAL);
}

static void tcp_connect_refuses_targets_that_could_never_work(void **state) {
  static const char *const texts[] = {
      "tcp://h:0",
      "tcp://h:00",
      "tcp://h:5x",
      "tcp://h:65536",
      "tcp://h:99999",
      "tcp://h:-1",
      "tcp://h:+1",
      "tcp://h: 1",
      "tcp://h:1 ",
      "tcp://:5",
      "tcp://:::",
      "tcp://::1",
      "tcp://a*:5",
      "tcp://a%lo:5",
      "tcp://127.0.0.1%lo:5",
      "tcp://a:b:5",
      "tcp://eth0:1:5",
      "tcp://1:2:3:4:5:6:7:8:9:5",
      "tcp://.:x",
      "tcp://.a:5",
      "tcp://h:4294967301",
      "tcp://h:18446744073709551621",
  };

  (void)state;
  expect_statuses(zuv__endpoint_parse_connect, texts, COUNT(texts), UV_EINVAL);
}

static void tcp_connect_refuses_malformed_brackets(void **state) {
  static const char *const texts[] = {
      "tcp://[::1]",         "tcp://[::1]:",        "tcp://[::1]:0",
      "tcp://[::1:5",        "tcp://::1]:5",        "tcp://[]:5",
      "tcp://[:5",           "tcp://a]b:5",         "tcp://[[::1]]:5",
      "tcp://[127.0.0.1]:5", "tcp://[localhost]:5", "tcp://[::1%]:5",
      "tcp://::1%:5",        "tcp://[::1%l/o]:5"};

  (void)state;
  expect_statuses(zuv__endpoint_parse_connect, texts, COUNT(texts), UV_EINVAL);
}

static void tcp_connect_refuses_malformed_sources(void **state) {
  static const char *const texts[] = {
      "tcp://lo;127.0.0.1:5",
      "tcp://lo:;127.0.0.1:5",
      "tcp://lo:x;127.0.0.1:5",
      "tcp://lo:65536;127.0.0.1:5",
      "tcp://lo:7x;127.0.0.1:5",
      "tcp://:0;127.0.0.1:5",
      "tcp://;127.0.0.1:5",
      "tcp://-a:0;127.0.0.1:5",
      "tcp://a b:0;127.0.0.1:5",
      "tcp://[lo]:0;127.0.0.1:5",
      "tcp://[::1%]:0;127.0.0.1:5",
      "tcp://lo:0;",
      "tcp://lo:0;127.0.0.1",
      "tcp://lo:0;127.0.0.1:0",
      "tcp://lo:0;127.0.0.1:*",
      "tcp://lo:0;*:5",
      "tcp://lo:0;:5",
      "tcp://lo:0;lo:0;127.0.0.1:5",
      "tcp://lo:0;;127.0.0.1:5",
      "tcp://127.0.0.1:5;",
  };

  (void)state;
  expect_statuses(zuv__endpoint_parse_connect, texts, COUNT(texts), UV_EINVAL);
}

static void tcp_connect_refuses_odd_bytes(void **state) {
  static const char *const texts[] = {
      "tcp://a\n:5", "tcp://\x01:5", "tcp://a\x7f:5",   "tcp://\xc3\xa9:5",
      "tcp://a:5\n", "tcp://a:\xff", "tcp://tcp://a:5", "tcp:///a:5"};

  (void)state;
  expect_statuses(zuv__endpoint_parse_connect, texts, COUNT(texts), UV_EINVAL);
}

static void expect_proxy(const char *text, const char *host, int port) {
  zuv__tcp_endpoint_t proxy;

  assert_int_equal(zuv__endpoint_parse_proxy(text, strlen(text), &proxy), 0);
  assert_string_equal(proxy.host, host);
  assert_int_equal(proxy.port, port);
  assert_false(proxy.has_source);
}

static void proxies_are_hosts_with_a_port(void **state) {
  static const char *const malformed[] = {
      "",        ":",        "h",     "h:",    ":1",    "h:0",
      "h:65536", "h:1x",     "h: 1",  "h:*",   "*:1",   "tcp://h:1",
      "a b:1",   "::1",      "[::1]", "[h]:1", "a:b:1", "lo:0;h:1",
      "-h:1",    "[::1%]:1", "h:1\n", "h:-1",  "h:1:",  "socks5://h:1"};
  zuv__tcp_endpoint_t proxy;

  (void)state;
  expect_proxy("127.0.0.1:1080", "127.0.0.1", 1080);
  expect_proxy("proxy.example:65535", "proxy.example", 65535);
  expect_proxy("[::1]:1", "::1", 1);
  expect_proxy("::1:1", "::1", 1);
  expect_proxy("[fe80::1%lo]:1", "fe80::1%lo", 1);
  for (size_t i = 0; i < COUNT(malformed); i++)
    assert_int_equal(
        zuv__endpoint_parse_proxy(malformed[i], strlen(malformed[i]), &proxy),
        UV_EINVAL);
  /* the value of an option may have any octets */
  assert_int_equal(zuv__endpoint_parse_proxy("h\0h:1", 5, &proxy), UV_EINVAL);
  assert_int_equal(zuv__endpoint_parse_proxy("h:1\0", 4, &proxy), UV_EINVAL);
  assert_int_equal(zuv__endpoint_parse_proxy("h:12", 3, &proxy), 0);
  assert_int_equal(proxy.port, 1);
}

static void tcp_host_has_at_most_255_bytes(void **state) {
  const size_t longest = ZUV__HOST_SIZE - 1;
  zuv__endpoint_address_t address;
  const char *text;

  (void)state;
  text = long_text("tcp://", longest, 'a', ":5");
  assert_int_equal(zuv__endpoint_parse_bind(text, &address), 0);
  assert_int_equal(strlen(address.u.tcp.host), longest);
  assert_int_equal(zuv__endpoint_parse_connect(text, &address), 0);
  assert_int_equal(strlen(address.u.tcp.host), longest);
  text = long_text("tcp://", longest, 'a', ":0;127.0.0.1:5");
  assert_int_equal(zuv__endpoint_parse_connect(text, &address), 0);
  assert_int_equal(strlen(address.u.tcp.source), longest);
  text = long_text("tcp://[::1%", longest - 4, 'a', "]:5");
  assert_int_equal(zuv__endpoint_parse_connect(text, &address), 0);
  assert_int_equal(strlen(address.u.tcp.host), longest);

  text = long_text("tcp://", longest + 1, 'a', ":5");
  expect_status(zuv__endpoint_parse_bind, text, UV_EINVAL);
  expect_status(zuv__endpoint_parse_connect, text, UV_EINVAL);
  text = long_text("tcp://", longest + 1, 'a', ":0;127.0.0.1:5");
  expect_status(zuv__endpoint_parse_bind, text, UV_EINVAL);
  expect_status(zuv__endpoint_parse_connect, text, UV_EINVAL);
  text = long_text("tcp://[::1%", longest - 3, 'a', "]:5");
  expect_status(zuv__endpoint_parse_bind, text, UV_EINVAL);
  text = long_text("tcp://[", 300, '0', "::1]:5");
  expect_status(zuv__endpoint_parse_bind, text, UV_EINVAL);
}

static void a_port_may_have_leading_zeros_but_no_other_length(void **state) {
  zuv__endpoint_address_t address;
  const char *text;

  (void)state;
  text = long_text("tcp://a:", 500, '0', "80");
  assert_int_equal(zuv__endpoint_parse_connect(text, &address), 0);
  assert_int_equal(address.u.tcp.port, 80);
  text = long_text("tcp://a:", 500, '9', "");
  expect_status(zuv__endpoint_parse_connect, text, UV_EINVAL);
  expect_status(zuv__endpoint_parse_bind, text, UV_EINVAL);
}

static void ipc_path_is_taken_verbatim(void **state) {
  static const char *const paths[] = {
      "/tmp/feed", "feed",       "./a b",   "a:5",  "tcp://a:5",
      "/",         " ",          "a*",      "a@b",  "\x01",
      "\xff\xfe",  "\xc3\xa9\n", "[::1]:5", "..//x"};
  zuv__endpoint_address_t address;
  char text[64];
  size_t i;

  (void)state;
  for (i = 0; i < COUNT(paths); i++) {
    snprintf(text, sizeof(text), "ipc://%s", paths[i]);
    assert_int_equal(zuv__endpoint_parse_bind(text, &address), 0);
    assert_int_equal(address.scheme, ZUV__TRANSPORT_IPC);
    assert_string_equal(address.u.ipc.path, paths[i]);
    assert_int_equal(address.u.ipc.length, strlen(paths[i]));
    assert_false(address.u.ipc.wildcard);
    assert_false(address.u.ipc.abstract);
    assert_int_equal(zuv__endpoint_parse_connect(text, &address), 0);
    assert_string_equal(address.u.ipc.path, paths[i]);
  }
}

static void ipc_wildcard_is_for_bind_only(void **state) {
  zuv__endpoint_address_t address;

  (void)state;
  assert_int_equal(zuv__endpoint_parse_bind("ipc://*", &address), 0);
  assert_true(address.u.ipc.wildcard);
  assert_string_equal(address.u.ipc.path, "");
  assert_int_equal(address.u.ipc.length, 0);
  assert_int_equal(zuv__endpoint_parse_bind("ipc://*anything", &address), 0);
  assert_true(address.u.ipc.wildcard);
  expect_status(zuv__endpoint_parse_bind, long_text("ipc://*", 200, 'a', ""),
                0);

  assert_int_equal(zuv__endpoint_parse_connect("ipc://*", &address), 0);
  assert_false(address.u.ipc.wildcard);
  assert_string_equal(address.u.ipc.path, "*");
}

static void ipc_abstract_name_starts_with_nul(void **state) {
  static const parse_t parses[] = {zuv__endpoint_parse_bind,
                                   zuv__endpoint_parse_connect};
  zuv__endpoint_address_t address;
  size_t i;

  (void)state;
  for (i = 0; i < COUNT(parses); i++) {
    assert_int_equal(parses[i]("ipc://@name", &address), 0);
    assert_true(address.u.ipc.abstract);
    assert_int_equal(address.u.ipc.length, 5);
    assert_memory_equal(address.u.ipc.path, "\0name", 6);
    assert_int_equal(parses[i]("ipc://@@", &address), 0);
    assert_memory_equal(address.u.ipc.path, "\0@", 3);
    expect_status(parses[i], "ipc://@", UV_EINVAL);
  }
}

static void ipc_path_must_fit_a_socket_address(void **state) {
  static const parse_t parses[] = {zuv__endpoint_parse_bind,
                                   zuv__endpoint_parse_connect};
  const size_t longest = ZUV__IPC_PATH_SIZE - 1;
  zuv__endpoint_address_t address;
  size_t i;

  (void)state;
#ifdef __linux__
  assert_int_equal(longest, 107);
#endif
  for (i = 0; i < COUNT(parses); i++) {
    assert_int_equal(parses[i](long_text("ipc://", longest, 'a', ""), &address),
                     0);
    assert_int_equal(address.u.ipc.length, longest);
    assert_int_equal(strlen(address.u.ipc.path), longest);
    assert_int_equal(
        parses[i](long_text("ipc://@", longest - 1, 'a', ""), &address), 0);
    assert_int_equal(address.u.ipc.length, longest);
    expect_status(parses[i], long_text("ipc://", longest + 1, 'a', ""),
                  UV_ENAMETOOLONG);
    expect_status(parses[i], long_text("ipc://@", longest, 'a', ""),
                  UV_ENAMETOOLONG);
    expect_status(parses[i], long_text("ipc://", 1000, 'a', ""),
                  UV_ENAMETOOLONG);
  }
}

static void inproc_name_is_any_text(void **state) {
  static const char *const names[] = {
      "a", "*", "@", " ", "://", "#1", "a:b;c", "\x01\xff", "zeromq.zap.01"};
  zuv__endpoint_address_t address;
  char text[64];
  const char *long_name;
  size_t i;

  (void)state;
  for (i = 0; i < COUNT(names); i++) {
    snprintf(text, sizeof(text), "inproc://%s", names[i]);
    assert_int_equal(zuv__endpoint_parse_bind(text, &address), 0);
    assert_int_equal(address.scheme, ZUV__TRANSPORT_INPROC);
    assert_string_equal(address.u.inproc.name, names[i]);
    assert_ptr_equal(address.u.inproc.name, text + strlen("inproc://"));
    assert_int_equal(zuv__endpoint_parse_connect(text, &address), 0);
    assert_string_equal(address.u.inproc.name, names[i]);
  }
  long_name = long_text("inproc://", 350, 'n', "");
  assert_int_equal(zuv__endpoint_parse_bind(long_name, &address), 0);
  assert_int_equal(strlen(address.u.inproc.name), 350);
}

static void expect_text(const struct sockaddr_storage *address,
                        const char *expected) {
  char text[ZUV__ENDPOINT_TEXT_SIZE];

  assert_int_equal(zuv__endpoint_format_tcp((const struct sockaddr *)address,
                                            text, sizeof(text)),
                   0);
  assert_string_equal(text, expected);
}

static void any_address_is_dual_stack_with_ipv6(void **state) {
  struct sockaddr_storage address;

  (void)state;
  assert_int_equal(zuv__tcp_any(5555, false, &address), 0);
  expect_text(&address, "tcp://0.0.0.0:5555");
  assert_int_equal(zuv__tcp_any(5555, true, &address), 0);
  expect_text(&address, "tcp://[::]:5555");
}

static void numeric_address_resolves_without_lookup(void **state) {
  static const struct {
    const char *host;
    const char *ipv4; /* NULL: UV_ENODEV */
    const char *ipv6;
  } rows[] = {
      {"127.0.0.1", "tcp://127.0.0.1:5", "tcp://[::ffff:127.0.0.1]:5"},
      {"255.255.255.255", "tcp://255.255.255.255:5",
       "tcp://[::ffff:255.255.255.255]:5"},
      {"0.0.0.0", "tcp://0.0.0.0:5", "tcp://[::ffff:0.0.0.0]:5"},
      {"::1", NULL, "tcp://[::1]:5"},
      {"::", NULL, "tcp://[::]:5"},
      {"0:0:0:0:0:0:0:1", NULL, "tcp://[::1]:5"},
      {"2001:DB8::A", NULL, "tcp://[2001:db8::a]:5"},
      {"::ffff:1.2.3.4", "tcp://1.2.3.4:5", "tcp://[::ffff:1.2.3.4]:5"},
      {"::ffff:102:304", "tcp://1.2.3.4:5", "tcp://[::ffff:1.2.3.4]:5"},
      {"::1.2.3.4", NULL, "tcp://[::1.2.3.4]:5"},
      {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", NULL,
       "tcp://[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:5"},
  };
  struct sockaddr_storage address;
  size_t i;

  (void)state;
  for (i = 0; i < COUNT(rows); i++) {
    assert_int_equal(zuv__tcp_resolve_numeric(rows[i].host, 5, false, &address),
                     rows[i].ipv4 == NULL ? UV_ENODEV : 0);
    if (rows[i].ipv4 != NULL)
      expect_text(&address, rows[i].ipv4);
    assert_int_equal(zuv__tcp_resolve_numeric(rows[i].host, 5, true, &address),
                     0);
    expect_text(&address, rows[i].ipv6);
  }
}

static void names_are_not_numeric(void **state) {
  static const char *const hosts[] = {
      "",         "*",           "lo",           "localhost", "1.2.3",
      "1.2.3.",   "1.2.3.4.5",   "256.1.1.1",    "1.2.3.4 ",  " 1.2.3.4",
      "0x7f.1",   "2130706433",  "127.0.0.1%lo", "%lo",       "%",
      "[::1]",    ":",           ":::",          "::1::",     "::g",
      "1::2::3",  "1:2:3:4:5:6", "eth0:1",       "::1.2.3",   "::1 ",
      "\xff\xfe", "lo%lo"};
  struct sockaddr_storage address;
  size_t i;

  (void)state;
  for (i = 0; i < COUNT(hosts); i++) {
    assert_int_equal(zuv__tcp_resolve_numeric(hosts[i], 5, true, &address),
                     UV_EAI_NONAME);
    assert_int_equal(zuv__tcp_resolve_numeric(hosts[i], 5, false, &address),
                     UV_EAI_NONAME);
  }
  assert_int_equal(
      zuv__tcp_resolve_numeric(long_text("", 1000, '1', ""), 5, true, &address),
      UV_EAI_NONAME);
}

/* The loopback interface: Linux calls it "lo", others "lo0". */
static unsigned int loopback(char name[IF_NAMESIZE]) {
  unsigned int index;

  strcpy(name, "lo");
  index = if_nametoindex(name);
  if (index == 0) {
    strcpy(name, "lo0");
    index = if_nametoindex(name);
  }
  assert_true(index != 0);
  return index;
}

static void zone_is_an_interface_name_or_number(void **state) {
  struct sockaddr_storage address;
  struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address;
  char name[IF_NAMESIZE];
  char host[64];
  char expected[64];
  unsigned int index = loopback(name);

  (void)state;
  snprintf(expected, sizeof(expected), "tcp://[fe80::1%%%s]:5", name);
  snprintf(host, sizeof(host), "fe80::1%%%s", name);
  assert_int_equal(zuv__tcp_resolve_numeric(host, 5, true, &address), 0);
  assert_int_equal(in6->sin6_scope_id, index);
  expect_text(&address, expected);

  snprintf(host, sizeof(host), "fe80::1%%%u", index);
  assert_int_equal(zuv__tcp_resolve_numeric(host, 5, true, &address), 0);
  assert_int_equal(in6->sin6_scope_id, index);
  expect_text(&address, expected);
  assert_int_equal(zuv__tcp_resolve_numeric(host, 5, false, &address),
                   UV_ENODEV);
}

static void unknown_zone_is_invalid(void **state) {
  static const char *const hosts[] = {
      "fe80::1%",           "fe80::1%no-such-zone",
      "fe80::1%0",          "fe80::1%-1",
      "fe80::1%lo ",        "fe80::1%4294967295",
      "fe80::1%4294967296", "fe80::1%18446744073709551617",
      "fe80::1%%lo",        "fe80::1%lo%lo",
      "fe80::1%1x",         "fe80::1%+1"};
  struct sockaddr_storage address;
  size_t i;

  (void)state;
  for (i = 0; i < COUNT(hosts); i++)
    assert_int_equal(zuv__tcp_resolve_numeric(hosts[i], 5, true, &address),
                     UV_EINVAL);
  assert_int_equal(zuv__tcp_resolve_numeric(long_text("fe80::1%", 200, 'a', ""),
                                            5, true, &address),
                   UV_EINVAL);
}

static bool has_address(const struct ifaddrs *list, const char *name,
                        int family) {
  for (; list != NULL; list = list->ifa_next) {
    if (list->ifa_addr != NULL && list->ifa_addr->sa_family == family &&
        strcmp(list->ifa_name, name) == 0)
      return true;
  }
  return false;
}

static void loopback_interface_resolves_to_its_first_address(void **state) {
  struct sockaddr_storage address;
  struct ifaddrs *list;
  char name[IF_NAMESIZE];

  (void)state;
  loopback(name);
  assert_int_equal(zuv__tcp_resolve_interface(name, 5, false, &address), 0);
  expect_text(&address, "tcp://127.0.0.1:5");
  assert_int_equal(zuv__tcp_resolve_interface(name, 5, true, &address), 0);
  assert_int_equal(getifaddrs(&list), 0);
  if (has_address(list, name, AF_INET6))
    expect_text(&address, "tcp://[::1]:5");
  else
    expect_text(&address, "tcp://[::ffff:127.0.0.1]:5");
  freeifaddrs(list);
}

static void interface_resolves_if_it_has_a_suitable_address(void **state) {
  struct sockaddr_storage address;
  const struct ifaddrs *entry;
  struct ifaddrs *list;

  (void)state;
  assert_int_equal(getifaddrs(&list), 0);
  for (entry = list; entry != NULL; entry = entry->ifa_next) {
    bool ipv4 = has_address(list, entry->ifa_name, AF_INET);
    bool ipv6 = has_address(list, entry->ifa_name, AF_INET6);

    assert_int_equal(
        zuv__tcp_resolve_interface(entry->ifa_name, 5, false, &address),
        ipv4 ? 0 : UV_ENODEV);
    if (ipv4)
      assert_int_equal(address.ss_family, AF_INET);
    assert_int_equal(
        zuv__tcp_resolve_interface(entry->ifa_name, 5, true, &address),
        ipv4 || ipv6 ? 0 : UV_ENODEV);
    if (ipv4 || ipv6)
      assert_int_equal(address.ss_family, AF_INET6);
  }
  freeifaddrs(list);
}

static void unknown_interface_has_no_device(void **state) {
  static const char *const names[] = {
      "",    "no-such-interface", "localhost", "LO", "127.0.0.1", "l", "lo ",
      "\xff"};
  struct sockaddr_storage address;
  size_t i;

  (void)state;
  for (i = 0; i < COUNT(names); i++) {
    assert_int_equal(zuv__tcp_resolve_interface(names[i], 5, false, &address),
                     UV_ENODEV);
    assert_int_equal(zuv__tcp_resolve_interface(names[i], 5, true, &address),
                     UV_ENODEV);
  }
}

static void peer_address_has_no_port_and_no_brackets(void **state) {
  static const struct {
    const char *host;
    bool ipv6;
    const char *expected;
  } rows[] = {
      {"127.0.0.1", false, "127.0.0.1"},
      {"127.0.0.1", true, "::ffff:127.0.0.1"},
      {"::1", true, "::1"},
  };
  struct sockaddr_storage address;
  char text[ZUV__ENDPOINT_TEXT_SIZE];
  size_t i;

  (void)state;
  for (i = 0; i < COUNT(rows); i++) {
    assert_int_equal(
        zuv__tcp_resolve_numeric(rows[i].host, 5, rows[i].ipv6, &address), 0);
    assert_int_equal(zuv__endpoint_format_address((struct sockaddr *)&address,
                                                  text, sizeof(text)),
                     0);
    assert_string_equal(text, rows[i].expected);
  }
}

static void formatting_needs_room_and_an_internet_address(void **state) {
  static const char expected[] = "tcp://[::ffff:127.0.0.1]:65535";
  struct sockaddr_storage address;
  struct sockaddr *addr = (struct sockaddr *)&address;
  char text[ZUV__ENDPOINT_TEXT_SIZE];

  (void)state;
  assert_int_equal(zuv__tcp_resolve_numeric("127.0.0.1", 65535, true, &address),
                   0);
  assert_int_equal(zuv__endpoint_format_tcp(addr, text, sizeof(expected)), 0);
  assert_string_equal(text, expected);
  assert_int_equal(zuv__endpoint_format_tcp(addr, text, sizeof(expected) - 1),
                   UV_ENOBUFS);
  assert_int_equal(zuv__endpoint_format_tcp(addr, text, 0), UV_ENOBUFS);
  assert_int_equal(zuv__endpoint_format_address(addr, text, 17), 0);
  assert_int_equal(zuv__endpoint_format_address(addr, text, 16), UV_ENOBUFS);
  address.ss_family = AF_UNIX;
  assert_int_equal(zuv__endpoint_format_tcp(addr, text, sizeof(text)),
                   UV_EAFNOSUPPORT);
  assert_int_equal(zuv__endpoint_format_address(addr, text, sizeof(text)),
                   UV_EAFNOSUPPORT);
}

static void vanished_zone_is_formatted_as_number(void **state) {
  struct sockaddr_storage address;
  struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address;

  (void)state;
  assert_int_equal(
      zuv__tcp_resolve_numeric("fe80:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535,
                               true, &address),
      0);
  in6->sin6_scope_id = UINT32_MAX;
  expect_text(
      &address,
      "tcp://[fe80:ffff:ffff:ffff:ffff:ffff:ffff:ffff%4294967295]:65535");
}

static void ipc_text_is_the_one_that_was_parsed(void **state) {
  static const char *const texts[] = {
      "ipc:///tmp/feed", "ipc://feed", "ipc://@name", "ipc://@@", "ipc://a@",
  };
  const size_t longest = ZUV__IPC_PATH_SIZE - 1;
  zuv__endpoint_address_t address;
  const zuv__ipc_endpoint_t *ipc = &address.u.ipc;
  char text[ZUV__ENDPOINT_TEXT_SIZE];
  const char *long_path;
  size_t i;

  (void)state;
  for (i = 0; i < COUNT(texts); i++) {
    assert_int_equal(zuv__endpoint_parse_bind(texts[i], &address), 0);
    assert_int_equal(zuv__endpoint_format_ipc(ipc->path, ipc->length,
                                              ipc->abstract, text,
                                              strlen(texts[i]) + 1),
                     0);
    assert_string_equal(text, texts[i]);
    assert_int_equal(zuv__endpoint_format_ipc(ipc->path, ipc->length,
                                              ipc->abstract, text,
                                              strlen(texts[i])),
                     UV_ENOBUFS);
    assert_int_equal(zuv__endpoint_format_ipc(ipc->path, ipc->length,
                                              ipc->abstract, text, 0),
                     UV_ENOBUFS);
  }
  long_path = long_text("ipc://", longest, 'a', "");
  assert_int_equal(zuv__endpoint_parse_bind(long_path, &address), 0);
  assert_int_equal(zuv__endpoint_format_ipc(ipc->path, ipc->length, false, text,
                                            sizeof(text)),
                   0);
  assert_string_equal(text, long_path);
}

static void ipc_name_that_text_cannot_express_is_invalid(void **state) {
  char text[ZUV__ENDPOINT_TEXT_SIZE];

  (void)state;
  assert_int_equal(zuv__endpoint_format_ipc("", 0, false, text, sizeof(text)),
                   UV_EINVAL);
  assert_int_equal(zuv__endpoint_format_ipc("", 0, true, text, sizeof(text)),
                   UV_EINVAL);
  assert_int_equal(zuv__endpoint_format_ipc("\0", 1, true, text, sizeof(text)),
                   UV_EINVAL);
  assert_int_equal(
      zuv__endpoint_format_ipc("\0a\0b", 4, true, text, sizeof(text)),
      UV_EINVAL);
  assert_int_equal(
      zuv__endpoint_format_ipc("a\0b", 3, false, text, sizeof(text)),
      UV_EINVAL);
  assert_int_equal(
      zuv__endpoint_format_ipc("@file", 5, false, text, sizeof(text)),
      UV_EINVAL);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(text_without_scheme_or_address_is_invalid),
      cmocka_unit_test(other_schemes_are_not_supported),
      cmocka_unit_test(tcp_bind_takes_hosts_and_ports),
      cmocka_unit_test(tcp_bind_checks_and_ignores_a_source),
      cmocka_unit_test(tcp_bind_refuses_malformed_ports),
      cmocka_unit_test(tcp_bind_refuses_malformed_brackets),
      cmocka_unit_test(tcp_bind_refuses_bytes_that_no_name_has),
      cmocka_unit_test(tcp_bind_to_an_empty_host_has_no_device),
      cmocka_unit_test(tcp_connect_takes_hosts_and_sources),
      cmocka_unit_test(tcp_connect_refuses_what_libzmq_refuses),
      cmocka_unit_test(tcp_connect_refuses_targets_that_could_never_work),
      cmocka_unit_test(tcp_connect_refuses_malformed_brackets),
      cmocka_unit_test(tcp_connect_refuses_malformed_sources),
      cmocka_unit_test(tcp_connect_refuses_odd_bytes),
      cmocka_unit_test(proxies_are_hosts_with_a_port),
      cmocka_unit_test(tcp_host_has_at_most_255_bytes),
      cmocka_unit_test(a_port_may_have_leading_zeros_but_no_other_length),
      cmocka_unit_test(ipc_path_is_taken_verbatim),
      cmocka_unit_test(ipc_wildcard_is_for_bind_only),
      cmocka_unit_test(ipc_abstract_name_starts_with_nul),
      cmocka_unit_test(ipc_path_must_fit_a_socket_address),
      cmocka_unit_test(inproc_name_is_any_text),
      cmocka_unit_test(any_address_is_dual_stack_with_ipv6),
      cmocka_unit_test(numeric_address_resolves_without_lookup),
      cmocka_unit_test(names_are_not_numeric),
      cmocka_unit_test(zone_is_an_interface_name_or_number),
      cmocka_unit_test(unknown_zone_is_invalid),
      cmocka_unit_test(loopback_interface_resolves_to_its_first_address),
      cmocka_unit_test(interface_resolves_if_it_has_a_suitable_address),
      cmocka_unit_test(unknown_interface_has_no_device),
      cmocka_unit_test(peer_address_has_no_port_and_no_brackets),
      cmocka_unit_test(formatting_needs_room_and_an_internet_address),
      cmocka_unit_test(vanished_zone_is_formatted_as_number),
      cmocka_unit_test(ipc_text_is_the_one_that_was_parsed),
      cmocka_unit_test(ipc_name_that_text_cannot_express_is_invalid),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
