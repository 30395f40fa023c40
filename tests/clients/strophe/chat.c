/* A chat client on libstrophe that is driven line by line; see ../README.md. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strophe.h>
#include <unistd.h>

#define LINE_BYTES 8192

struct chat {
  xmpp_ctx_t* ctx;
  xmpp_conn_t* conn;
  char mechanism[64];
  char line[LINE_BYTES]; /* what has come of the next command */
  size_t line_length;
  int online;
  int result; /* the exit code; -1 while running */
};

static void say(const char* a, const char* b, const char* c) {
  printf("%s", a);
  if (b != NULL) printf("\t%s", b);
  if (c != NULL) printf("\t%s", c);
  putchar('\n');
  fflush(stdout);
}

static const char* or_empty(const char* text) {
  return text != NULL ? text : "";
}

/* The library tells nobody which mechanism it has chosen, but it logs what it sends. */
static void on_log(void* userdata, xmpp_log_level_t level, const char* area, const char* message) {
  struct chat* chat = userdata;
  const char* found = strstr(message, "mechanism=\"");
  (void)level;
  if (strstr(message, "<auth") != NULL && found != NULL) {
    sscanf(found, "mechanism=\"%63[^\"]", chat->mechanism);
  }
  fprintf(stderr, "%s: %s\n", area, message);
}

static void say_roster(xmpp_stanza_t* iq) {
  xmpp_stanza_t* query = xmpp_stanza_get_child_by_ns(iq, XMPP_NS_ROSTER);
  xmpp_stanza_t* item = query != NULL ? xmpp_stanza_get_children(query) : NULL;
  for (; item != NULL; item = xmpp_stanza_get_next(item)) {
    if (!xmpp_stanza_is_tag(item)) continue;
    say("roster", or_empty(xmpp_stanza_get_attribute(item, "jid")),
        or_empty(xmpp_stanza_get_attribute(item, "subscription")));
  }
}

static int on_roster(xmpp_conn_t* conn, xmpp_stanza_t* iq, void* userdata) {
  struct chat* chat = userdata;
  say_roster(iq);
  xmpp_stanza_t* presence = xmpp_presence_new(chat->ctx);
  xmpp_send(conn, presence);
  xmpp_stanza_release(presence);
  chat->online = 1;
  say("online", xmpp_conn_get_bound_jid(conn), chat->mechanism);
  return 0;
}

static int on_roster_push(xmpp_conn_t* conn, xmpp_stanza_t* iq, void* userdata) {
  struct chat* chat = userdata;
  xmpp_stanza_t* answer = xmpp_iq_new(chat->ctx, "result", xmpp_stanza_get_id(iq));
  say_roster(iq);
  xmpp_send(conn, answer);
  xmpp_stanza_release(answer);
  return 1;
}

static int on_message(xmpp_conn_t* conn, xmpp_stanza_t* message, void* userdata) {
  struct chat* chat = userdata;
  char* body = xmpp_message_get_body(message);
  (void)conn;
  say("message", or_empty(xmpp_stanza_get_from(message)), or_empty(body));
  xmpp_free(chat->ctx, body);
  return 1;
}

static int on_presence(xmpp_conn_t* conn, xmpp_stanza_t* presence, void* userdata) {
  const char* type = xmpp_stanza_get_type(presence);
  (void)conn;
  (void)userdata;
  say("presence", type != NULL ? type : "available", or_empty(xmpp_stanza_get_from(presence)));
  return 1;
}

static void get_roster(struct chat* chat) {
  xmpp_stanza_t* iq = xmpp_iq_new(chat->ctx, "get", "roster");
  xmpp_stanza_t* query = xmpp_stanza_new(chat->ctx);
  xmpp_stanza_set_name(query, "query");
  xmpp_stanza_set_ns(query, XMPP_NS_ROSTER);
  xmpp_stanza_add_child(iq, query);
  xmpp_stanza_release(query);
  xmpp_id_handler_add(chat->conn, on_roster, "roster", chat);
  xmpp_send(chat->conn, iq);
  xmpp_stanza_release(iq);
}

static void on_connection(xmpp_conn_t* conn, xmpp_conn_event_t status, int error,
                          xmpp_stream_error_t* stream_error, void* userdata) {
  struct chat* chat = userdata;
  (void)conn;
  if (status == XMPP_CONN_CONNECT) {
    xmpp_handler_add(conn, on_message, NULL, "message", NULL, chat);
    xmpp_handler_add(conn, on_presence, NULL, "presence", NULL, chat);
    xmpp_handler_add(conn, on_roster_push, XMPP_NS_ROSTER, "iq", "set", chat);
    get_roster(chat);
  } else if (chat->online) {
    say("offline", NULL, NULL);
    chat->result = 0;
  } else {
    char why[32];
    snprintf(why, sizeof why, "error %d", error);
    say("failed", stream_error != NULL ? or_empty(stream_error->text) : why, NULL);
    chat->result = 1;
  }
}

static void send_presence(struct chat* chat, const char* type, const char* to) {
  xmpp_stanza_t* presence = xmpp_presence_new(chat->ctx);
  xmpp_stanza_set_type(presence, type);
  xmpp_stanza_set_to(presence, to);
  xmpp_send(chat->conn, presence);
  xmpp_stanza_release(presence);
}

static void send_message(struct chat* chat, const char* to, const char* body) {
  xmpp_stanza_t* message = xmpp_message_new(chat->ctx, "chat", to, NULL);
  xmpp_message_set_body(message, body);
  xmpp_send(chat->conn, message);
  xmpp_stanza_release(message);
}

static void run_command(struct chat* chat, char* line) {
  char* name = strtok(line, "\t");
  char* first = strtok(NULL, "\t");
  char* second = strtok(NULL, "\t");
  if (name != NULL && second != NULL && strcmp(name, "presence") == 0) {
    send_presence(chat, first, second);
  } else if (name != NULL && second != NULL && strcmp(name, "message") == 0) {
    send_message(chat, first, second);
  } else {
    xmpp_disconnect(chat->conn);
  }
}

/* Reads what stdin has, without waiting. */
static void read_commands(struct chat* chat) {
  struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
  while (poll(&input, 1, 0) > 0 && chat->line_length + 1 < LINE_BYTES) {
    char c;
    ssize_t got = read(STDIN_FILENO, &c, 1);
    if (got == 1 && c != '\n') {
      chat->line[chat->line_length++] = c;
      continue;
    }
    chat->line[chat->line_length] = '\0';
    chat->line_length = 0;
    run_command(chat, got == 1 ? chat->line : strcpy(chat->line, "quit"));
    if (got != 1) return;
  }
}

int main(int argc, char** argv) {
  struct chat chat = {.result = -1};
  xmpp_log_t log = {on_log, &chat};
  if (argc != 7) return 2;
  int direct = strcmp(argv[5], "direct") == 0;

  xmpp_initialize();
  chat.ctx = xmpp_ctx_new(NULL, &log);
  chat.conn = xmpp_conn_new(chat.ctx);
  xmpp_conn_set_jid(chat.conn, argv[1]);
  xmpp_conn_set_pass(chat.conn, argv[2]);
  xmpp_conn_set_cafile(chat.conn, argv[6]);
  xmpp_conn_set_flags(chat.conn, direct ? XMPP_CONN_FLAG_LEGACY_SSL : XMPP_CONN_FLAG_MANDATORY_TLS);
  int port = atoi(argv[4]);
  if (xmpp_connect_client(chat.conn, argv[3], (unsigned short)port, on_connection, &chat) != 0) {
    say("failed", "cannot connect", NULL);
    chat.result = 1;
  }
  while (chat.result < 0) {
    xmpp_run_once(chat.ctx, 5);
    if (chat.result < 0 && chat.online) read_commands(&chat);
  }
  xmpp_conn_release(chat.conn);
  xmpp_ctx_free(chat.ctx);
  xmpp_shutdown();
  return chat.result;
}
