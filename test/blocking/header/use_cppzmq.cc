/* A program of cppzmq users, over our zmq.h and our library: what the C++
 * wrapper asks of both. Ends with 0, or names the first thing that failed. */
#include <zmq.hpp>
#include <zmq_addon.hpp>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#define CHECK(condition)                                                       \
  do {                                                                         \
    if (!(condition)) {                                                        \
      std::fprintf(stderr, "line %d: %s\n", __LINE__, #condition);             \
      std::exit(1);                                                            \
    }                                                                          \
  } while (0)

namespace {

const auto patience = std::chrono::milliseconds(10000);

void wait_readable(zmq::socket_t &socket) {
  std::vector<zmq::pollitem_t> items = {{socket, 0, ZMQ_POLLIN, 0}};
  CHECK(zmq::poll(items, patience) == 1);
  CHECK(items[0].revents == ZMQ_POLLIN);
}

void ask_and_answer(zmq::context_t &context) {
  zmq::socket_t server(context, zmq::socket_type::rep);
  server.set(zmq::sockopt::linger, 0);
  server.bind("tcp://127.0.0.1:*");
  const std::string endpoint = server.get(zmq::sockopt::last_endpoint);

  zmq::socket_t client(context, zmq::socket_type::req);
  client.set(zmq::sockopt::linger, 0);
  client.set(zmq::sockopt::rcvtimeo, 10000);
  client.connect(endpoint);
  CHECK(client.get(zmq::sockopt::rcvtimeo) == 10000);

  const std::string large(100000, 'x');
  CHECK(client.send(zmq::buffer(large)).value() == large.size());
  wait_readable(server);
  zmq::message_t request;
  CHECK(server.recv(request).value() == large.size());
  CHECK(request.to_string() == large);
  CHECK(request.gets("Socket-Type") == std::string("REQ"));

  zmq::message_t copy;
  copy.copy(request);
  CHECK(copy == request);
  CHECK(server.send(std::move(copy), zmq::send_flags::none).value() ==
        large.size());
  wait_readable(client);
  CHECK(client.recv(request).value() == large.size());

  CHECK(!server.recv(request, zmq::recv_flags::dontwait).has_value());
}

void publish(zmq::context_t &context) {
  zmq::socket_t publisher(context, zmq::socket_type::xpub);
  publisher.bind("inproc://news");
  zmq::socket_t subscriber(context, zmq::socket_type::sub);
  subscriber.set(zmq::sockopt::subscribe, "a");
  subscriber.connect("inproc://news");

  zmq::message_t subscription;
  wait_readable(publisher);
  CHECK(publisher.recv(subscription).value() == 2u);

  const std::array<zmq::const_buffer, 2> wanted = {
      {zmq::str_buffer("apple"), zmq::str_buffer("red")}};
  CHECK(publisher.send(zmq::str_buffer("banana")).has_value());
  CHECK(zmq::send_multipart(publisher, wanted).value() == 2u);

  std::vector<zmq::message_t> parts;
  wait_readable(subscriber);
  CHECK(zmq::recv_multipart(subscriber, std::back_inserter(parts)).value() ==
        2u);
  CHECK(parts[0].to_string() == "apple" && parts[0].more());
  CHECK(parts[1].to_string() == "red" && !parts[1].more());
}

void take_bytes(zmq::context_t &context) {
  static int freed;
  static char bytes[] = "bytes of the program's own";
  zmq::socket_t from(context, zmq::socket_type::push);
  zmq::socket_t to(context, zmq::socket_type::pull);
  to.bind("inproc://bytes");
  from.connect("inproc://bytes");
  {
    zmq::message_t message(
        bytes, sizeof(bytes),
        [](void *, void *hint) { ++*static_cast<int *>(hint); }, &freed);
    CHECK(from.send(message, zmq::send_flags::none).value() == sizeof(bytes));
    CHECK(to.recv(message).value() == sizeof(bytes));
    CHECK(message.to_string() == std::string(bytes, sizeof(bytes)));
  }
  CHECK(freed == 1);
}

class Watch : public zmq::monitor_t {
public:
  int listening = 0;

  void on_event_listening(const zmq_event_t &, const char *) override {
    ++listening;
  }
};

void watch(zmq::context_t &context) {
  zmq::socket_t socket(context, zmq::socket_type::dealer);
  Watch monitor;
  monitor.init(socket, "inproc://watch", ZMQ_EVENT_LISTENING);
  socket.bind("tcp://127.0.0.1:*");
  CHECK(monitor.check_event(10000));
  CHECK(monitor.listening == 1);
}

void steer(zmq::context_t &context) {
  zmq::socket_t control(context, zmq::socket_type::pair);
  control.bind("inproc://control");
  std::thread proxy([&context]() {
    zmq::socket_t frontend(context, zmq::socket_type::pull);
    zmq::socket_t backend(context, zmq::socket_type::push);
    zmq::socket_t steering(context, zmq::socket_type::pair);
    steering.connect("inproc://control");
    zmq::proxy_steerable(frontend, backend, zmq::socket_ref(), steering);
  });
  CHECK(control.send(zmq::str_buffer("TERMINATE")).has_value());
  proxy.join();
}

void fail(zmq::context_t &context) {
  zmq::socket_t socket(context, zmq::socket_type::pair);
  int reason = 0;
  try {
    socket.bind("nothing://there");
  } catch (const zmq::error_t &error) {
    reason = error.num();
  }
  CHECK(reason == EPROTONOSUPPORT);
}

} // namespace

int main() {
  CHECK(zmq::version() >= std::make_tuple(4, 3, 4));
  zmq::context_t context;
  context.set(zmq::ctxopt::io_threads, 1);
  ask_and_answer(context);
  publish(context);
  take_bytes(context);
  watch(context);
  steer(context);
  fail(context);
  context.shutdown();
  context.close();
  return 0;
}
