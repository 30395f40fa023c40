// A real PostgreSQL for tests: started when the first test asks for it, in a temporary folder, on
// a Unix socket there; stopped when the process ends.
#pragma once

#include <libpq-fe.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace starling::store {

// A connection of the test's own.
class PostgresSession {
 public:
  explicit PostgresSession(const std::string& url) : connection_(PQconnectdb(url.c_str())) {}

  void run(const std::string& sql) {
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(
        PQexec(connection_.get(), sql.c_str()), PQclear);
    const auto status = PQresultStatus(result.get());
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
      throw std::runtime_error(PQerrorMessage(connection_.get()));
    }
  }
  std::string value(const std::string& sql) {
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(
        PQexec(connection_.get(), sql.c_str()), PQclear);
    if (PQntuples(result.get()) != 1) throw std::runtime_error(sql);
    return PQgetvalue(result.get(), 0, 0);
  }
  // How many come, of what it LISTENs to, before the one with this payload.
  std::size_t notifications_until(std::string_view payload) {
    for (std::size_t count = 0;;) {
      pollfd readable{PQsocket(connection_.get()), POLLIN, 0};
      ::poll(&readable, 1, -1);
      if (PQconsumeInput(connection_.get()) != 1) {
        throw std::runtime_error(PQerrorMessage(connection_.get()));
      }
      while (PGnotify* notification = PQnotifies(connection_.get())) {
        const bool last = notification->extra == payload;
        PQfreemem(notification);
        if (last) return count;
        ++count;
      }
    }
  }

 private:
  struct Close {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  std::unique_ptr<PGconn, Close> connection_;
};

class TestPostgres {
 public:
  static TestPostgres& get() {
    static TestPostgres server;
    return server;
  }

  // The URL of a new, empty database.
  std::string new_database(const std::string& how = "ENCODING 'UTF8'") {
    const std::string name = "test" + std::to_string(++databases_);
    PostgresSession(url("postgres")).run("CREATE DATABASE " + name + " TEMPLATE template0 " + how);
    return url(name);
  }
  [[nodiscard]] std::string folder() const { return folder_.string(); }
  [[nodiscard]] std::string url(const std::string& database) const {
    return "host=" + folder_.string() + " user=postgres dbname=" + database;
  }
  // Ends every connection, waits for transactions to end, and starts again; or without waiting, as
  // after a crash.
  void stop(int signal = SIGINT) {
    if (pid_ <= 0) return;
    ::kill(pid_, signal);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  void start() {
    pid_ = spawn({kBin + "postgres", "-D", data().string(), "-k", folder_.string(), "-h", "", "-c",
                  "fsync=off", "-c", "logging_collector=off", "-c", "log_min_messages=panic"});
    while (PQping(url("postgres").c_str()) != PQPING_OK) {
      if (::waitpid(pid_, nullptr, WNOHANG) == pid_) throw std::runtime_error("postgres has ended");
      ::usleep(10'000);  // lint: allow(sleep) because nothing else tells
    }
  }

 private:
  TestPostgres() {
    std::string name = (std::filesystem::temp_directory_path() / "store_pg_XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    std::filesystem::create_directory(data());
    if (::geteuid() == 0 && std::system(("chown -R postgres " + folder_.string()).c_str()) != 0) {
      throw std::runtime_error("chown");
    }
    const int pid = spawn({kBin + "initdb", "-D", data().string(), "-U", "postgres", "-A", "trust",
                           "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"});
    int status = 0;
    ::waitpid(pid, &status, 0);
    if (status != 0) throw std::runtime_error("initdb failed");
    start();
  }
  ~TestPostgres() {
    stop(SIGQUIT);
    std::filesystem::remove_all(folder_);
  }

  // As a user of its own: PostgreSQL refuses to run as root.
  static int spawn(std::vector<std::string> command) {
    if (::geteuid() == 0) {
      const std::vector<std::string> as{"setpriv", "--reuid=postgres", "--regid=postgres",
                                        "--clear-groups"};
      command.insert(command.begin(), as.begin(), as.end());
    }
    const int pid = ::fork();
    if (pid != 0) return pid;
    std::vector<char*> arguments;
    for (std::string& argument : command) arguments.push_back(argument.data());
    arguments.push_back(nullptr);
    if (std::freopen("/dev/null", "w", stdout) == nullptr) ::_exit(126);
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
  }

  [[nodiscard]] std::filesystem::path data() const { return folder_ / "data"; }

  inline static const std::string kBin = "/usr/lib/postgresql/15/bin/";
  std::filesystem::path folder_;
  int pid_ = 0;
  int databases_ = 0;
};

}  // namespace starling::store
