/* Handles of zmq.h, which are made and never given back, while memory runs
 * out. */
#include "blocking/socket.h"
#include "blocking_stage.h"

static struct {
  size_t sockets; /* unused before */
  long made;      /* contexts and pollers */
  long refused;
} handles;

/* Each context and poller that was made stays, and each socket whose handle
 * was; of a context that was refused the handle may have been there. */
static long allowed(void) {
  long sure =
      handles.made + (long)(zmq__sockets.unused_count - handles.sockets);
  long more = failing_alive() - sure;

  return more > 0 && more <= handles.refused ? sure + more : sure;
}

static void *count(void *handle) {
  if (handle != NULL)
    handles.made++;
  else
    handles.refused++;
  return handle;
}

static void made_once(const scenario_t *scenario) {
  void *contexts[3], *pollers[3];

  (void)scenario;
  handles.sockets = zmq__sockets.unused_count;
  handles.made = handles.refused = 0;
  for (int i = 0; i < 3; i++) {
    void *sockets[2];

    contexts[i] = must_not(NULL, count(zmq_ctx_new()));
    pollers[i] = must_not(NULL, count(zmq_poller_new()));
    sockets[0] = must_not(NULL, zmq_socket(contexts[i], ZMQ_PAIR));
    sockets[1] = must_not(NULL, zmq_socket(contexts[i], ZMQ_XPUB));
    must(zmq_close(sockets[0]));
    must(zmq_close(sockets[1]));
  }
  for (int i = 0; i < 3; i++) {
    must(zmq_poller_destroy(&pollers[i]));
    must(zmq_ctx_term(contexts[i]));
  }
}

static const scenario_t scenarios[] = {
    {"made once", made_once, 0, 0, 0, 0},
};

int main(int argc, char **argv) {
  sweep_allow_alive(allowed);
  return sweep_main("faults handles", scenarios, 1, argc, argv);
}
