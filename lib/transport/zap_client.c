#include "transport/zap_client.h"

#include <string.h>

#include "base/alloc.h"
#include "core/socket.h"
#include "security/zap.h"
#include "transport/inproc.h"

typedef struct {
  zuv__authentication_t base;
  zuv_socket_t dealer;
  zuv__socket_t *asker; /* does not end before this */
} zap_client_t;

bool zuv__zap_has_handler(zuv__context_t *context) {
  int type =
      zuv__inproc_bound_type(context, strstr(ZUV__ZAP_ENDPOINT, "://") + 3);

  /* Any other would be told passwords, and not answer. */
  return type == ZUV_REP || type == ZUV_ROUTER;
}

static void on_closed(zuv_socket_t *dealer) {
  zap_client_t *client = zuv__container_of(dealer, zap_client_t, dealer);

  client->asker->dependents--;
  zuv__socket_schedule(client->asker);
  zuv__free(client->base.memory);
  zuv__free(client);
}

static void client_end(zuv__authentication_t *a) {
  a->answered = NULL;
  zuv_close(&zuv__container_of(a, zap_client_t, base)->dealer, on_closed);
}

static void on_reply(zuv_socket_t *dealer, zuv_msg_t *parts, size_t count,
                     zuv_peer_t *peer) {
  zap_client_t *client = zuv__container_of(dealer, zap_client_t, dealer);
  zuv__zap_frame_t frames[ZUV__ZAP_REPLY_FRAMES];
  zuv__protocol_error_t error;
  zuv__verdict_t verdict;

  (void)peer;
  if (client->base.is_answered)
    return;
  for (size_t i = 0; i < count && i < ZUV__ZAP_REPLY_FRAMES; i++)
    frames[i] =
        (zuv__zap_frame_t){zuv__msg_data(&parts[i]), zuv__msg_size(&parts[i])};
  error = zuv__zap_parse_reply(frames, count, &verdict);
  if (error != ZUV__PROTOCOL_NO_ERROR) {
    zuv__authentication_fail(&client->base, error);
    return;
  }
  if (zuv__authentication_answer(&client->base, &verdict) == 0)
    return;
  /* Without memory for what it says of the peer, the peer may come again. */
  verdict = (zuv__verdict_t){.status = 300};
  (void)zuv__authentication_answer(&client->base, &verdict);
}

static int send_request(zap_client_t *client,
                        const zuv__admission_t *admission) {
  const zuv__zap_question_t question = {
      .domain = admission->security->zap_domain.bytes,
      .domain_size = admission->security->zap_domain.size,
      .address = admission->address,
      .routing_id = admission->own_routing_id,
      .routing_id_size = admission->own_routing_id_size,
      .credentials = admission->credentials};
  zuv__zap_frame_t frames[ZUV__ZAP_REQUEST_FRAMES_MAX];
  zuv_msg_t parts[ZUV__ZAP_REQUEST_FRAMES_MAX];
  size_t count = zuv__zap_request(&question, frames);

  for (size_t i = 0; i < count; i++)
    zuv_msg_init_view(&parts[i], frames[i].data, frames[i].size);
  return zuv_try_send(&client->dealer, parts, count);
}

/* No limits: a slow handler is waited for, not failed. */
static int set_options(zuv_socket_t *dealer) {
  static const int options[] = {ZUV_LINGER, ZUV_SNDHWM, ZUV_RCVHWM};
  int err = 0;

  for (int i = 0; i < 3 && err == 0; i++)
    err = zuv_set_int(dealer, options[i], 0);
  return err;
}

int zuv__zap_ask(const zuv__admission_t *admission,
                 zuv__authentication_t **out) {
  zuv__socket_t *asker = admission->socket;
  zuv_context_t context = {.zuv__impl = asker->context};
  zap_client_t *client = zuv__calloc(1, sizeof(*client));
  int err;

  if (client == NULL)
    return UV_ENOMEM;
  client->asker = asker;
  client->base.socket = asker;
  client->base.end = client_end;
  err = zuv_socket_init(&context, asker->loop->uv, &client->dealer, ZUV_DEALER);
  if (err != 0) {
    zuv__free(client);
    return err;
  }
  asker->dependents++;
  zuv__socket(&client->dealer)->internal = true;
  zuv_unref(&client->dealer);
  err = set_options(&client->dealer);
  if (err == 0)
    err = zuv_connect(&client->dealer, ZUV__ZAP_ENDPOINT);
  if (err == 0)
    err = zuv_recv_start(&client->dealer, on_reply);
  if (err == 0)
    err = send_request(client, admission);
  if (err != 0) {
    zuv_close(&client->dealer, on_closed);
    return err;
  }
  client->base.answered = admission->answered;
  *out = &client->base;
  return 0;
}
