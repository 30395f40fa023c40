#include "config/ejabberd_import.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "config/ejabberd_table.h"
#include "config/load.h"
#include "config/show.h"
#include "config/table.h"

namespace starling::config {

namespace {

constexpr std::size_t kMaxValues = 100'000;  // after macros: they may grow like a bomb
constexpr int kMaxDepth = 32;
constexpr int kMaxIncludes = 32;

Json plain_value(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  const bool digits = !text.empty() && text.size() < 19 &&
                      text.find_first_not_of("0123456789") == std::string::npos;
  if (node.Tag() == "!") return text;  // in quotes
  if (text == "true" || text == "false") return text == "true";
  return digits ? Json(std::stoull(text)) : Json(text);
}

class Import {
 public:
  Import(std::string path, const FileReader& read_file)
      : path_(std::move(path)), read_file_(read_file) {}

  // Reads a file's text, and what it includes. The first that says something wins.
  void add(const std::string& text, const std::string& file) {
    file_ = file;
    if (++includes_ > kMaxIncludes) throw of_the_file("too many files are included");
    const YAML::Node root = load_document(text);
    if (root.IsNull()) return;
    Reading reading(file, read_file_);
    std::vector<std::string> included;
    reading.each_entry(root, "ejabberd.yml", [&](const auto& key, const auto& at, const auto& of) {
      if (key == "define_macro" && of.IsMap()) {
        for (const auto& macro : of) macros_.emplace(macro.first.Scalar(), macro.second);
      } else if (key == "include_config_file") {
        if (of.IsScalar()) included.push_back(of.Scalar());
        if (!of.IsScalar()) {
          for (const auto& name : of) {
            included.push_back((name.IsMap() ? name.begin()->first : name).Scalar());
          }
        }
      } else {
        options_.push_back({key, of, file + ":" + std::to_string(at.Mark().line + 1) + ": "});
      }
    });
    for (const auto& name : included) {
      const std::string whole = reading.absolute(name);
      auto content = read_file_(whole);
      if (!content) throw of_the_file("include_config_file: " + content.error().message);
      add(*content, whole);
      file_ = file;
    }
  }

  Imported translate() {
    for (const auto& option : options_) {
      where_ = option.where;
      if (config_.contains(option.name)) continue;
      file_ = option.where.substr(0, option.where.rfind(':', option.where.size() - 3));
      top_option(option.name, value_of(option.node, 0, option.name), config_, "");
    }
    file_ = path_;
    where_ = path_ + ": ";
    define_empty_acls();
    Imported done{.yaml = to_yaml(config_)};
    if (config_.empty()) done.yaml = "{}\n";
    const auto read = parse_config(done.yaml, "the result", {.read_file = read_file_});
    if (!read) remark("to be mended by hand: " + read.error().message);
    done.remarks = std::move(remarks_);
    return done;
  }

  // The file that is being read or translated, for messages.
  [[nodiscard]] const std::string& file() const { return file_; }

 private:
  struct TheirOption {
    std::string name;
    YAML::Node node;
    std::string where;
  };

  static Mistake of_the_file(const std::string& message) {
    return {YAML::Mark::null_mark(), message};
  }

  void remark(const std::string& text) { remarks_.push_back(where_ + text); }

  // From now on, remarks are about what stands at this path.
  void at(const std::string& path) {
    if (const auto line = lines_.find(path); line != lines_.end()) {
      where_ = file_ + ":" + std::to_string(line->second) + ": ";
    }
  }

  // A node as JSON, with macros put in.
  Json value_of(const YAML::Node& node, int depth, const std::string& path) {
    if (++values_ > kMaxValues || depth > kMaxDepth) {
      throw Mistake{node.Mark(), "too large, or too deep (a macro in itself?)"};
    }
    if (node.IsNull()) return nullptr;
    if (node.IsSequence()) {
      Json list = Json::array();
      for (const auto& item : node) {
        const std::string inside = path + "." + std::to_string(list.size());
        lines_[inside] = item.Mark().line + 1;
        list.push_back(value_of(item, depth + 1, inside));
      }
      return list;
    }
    if (node.IsMap()) {
      Json map = Json::object();
      for (const auto& entry : node) {
        if (!entry.first.IsScalar()) continue;
        const std::string name = expanded(entry.first.Scalar());
        const std::string inside = path + "." + name;
        lines_[inside] = entry.first.Mark().line + 1;
        map[name] = value_of(entry.second, depth + 1, inside);
      }
      return map;
    }
    if (const auto macro = macros_.find(bare(node.Scalar())); macro != macros_.end()) {
      return value_of(macro->second, depth + 1, path);
    }
    const std::string text = expanded(node.Scalar());
    return text == node.Scalar() ? plain_value(node) : Json(text);
  }

  // NAME of NAME and of @NAME@.
  static std::string bare(const std::string& text) {
    const bool marked = text.size() > 2 && text.starts_with('@') && text.ends_with('@');
    return marked ? text.substr(1, text.size() - 2) : text;
  }

  // Puts macros into a text: "@HOST@/x".
  std::string expanded(const std::string& text) const {
    std::string out;
    std::size_t begin = 0;
    while (begin < text.size()) {
      const auto at = text.find('@', begin);
      const auto end = at == std::string::npos ? at : text.find('@', at + 1);
      if (end == std::string::npos) break;
      const auto macro = macros_.find(text.substr(at + 1, end - at - 1));
      const bool known = macro != macros_.end() && macro->second.IsScalar();
      out += text.substr(begin, at - begin);
      out += known ? macro->second.Scalar() : text.substr(at, end - at);
      begin = known ? end + 1 : end;
    }
    return out + text.substr(begin);
  }

  // Why our own reader would not take these options; "" if it does.
  std::string refusal(const Json& options) const {
    Reading reading("", read_file_);
    try {
      Config config;
      table().read(config, load_document(to_yaml(options)), reading);
    } catch (const Mistake& mistake) {
      return mistake.message;
    } catch (const YAML::Exception& error) {
      return error.what();
    }
    return "";
  }

  // ejabberd takes an ACL that nothing defines for an empty one; its own ejabberd.yml has one.
  void define_empty_acls() {
    const auto good = parse_config("", "", {.read_file = read_file_});
    Config ours;
    Reading reading("", read_file_);
    table().read(ours, load_document(to_yaml(config_)), reading);
    const auto define = [&](const auto& rules) {
      for (const auto& [unused, lines] : rules) {
        for (const auto& line : lines) {
          for (const auto& name : line.acls) {
            if (name == "all" || name == "none" || ours.options.access.acls.contains(name) ||
                good->options.access.acls.contains(name) ||
                (config_.contains("acl") && config_["acl"].contains(name))) {
              continue;
            }
            remark("acl: " + name + ": nothing defines it: it is empty");
            config_["acl"][name] = Json::object();
          }
        }
      }
    };
    define(ours.options.access.access_rules);
    define(ours.options.access.shaper_rules);
  }

  // Sets ours in `config`, if our reader takes the value. `what` is theirs, for remarks.
  void set(Json& config, std::string_view ours, const Json& value, const std::string& what) {
    Json alone = value;
    std::string_view rest = ours;
    while (!rest.empty()) {
      const auto dot = rest.rfind('.');
      alone = {{std::string(rest.substr(dot == std::string_view::npos ? 0 : dot + 1)), alone}};
      rest = rest.substr(0, dot == std::string_view::npos ? 0 : dot);
    }
    if (const auto wrong = refusal(alone); !wrong.empty()) {
      return remark(what + ": left out: " + wrong);
    }
    config.merge_patch(alone);
  }

  void top_option(const std::string& name, const Json& value, Json& config,
                  const std::string& host) {
    if (name == "listen" && host.empty()) return listen(value);
    if (name == "modules") return modules(value, config, host);
    if ((name == "host_config" || name == "append_host_config") && host.empty()) {
      return host_config(value);
    }
    if (name == "loglevel") return set(config, "loglevel", level(value), name);
    if (name == "acl") return named(name, value, config, [&](const Json& of) { return acl(of); });
    if (name == "access_rules" || name == "shaper" || name == "shaper_rules") {
      return named(name, value, config, [](const Json& of) { return of; });
    }
    if (name == "disable_sasl_mechanisms") return mechanisms(value, config);
    const Counterpart* row = counterpart_of(name);
    if (row == nullptr || row->ours.empty()) {
      return remark(name + ": " + std::string(row == nullptr ? "no counterpart" : row->note));
    }
    if (!row->note.empty()) remark(name + ": " + std::string(row->note));
    if (name == "certfiles" && value.is_array()) {
      Json files = Json::array();
      for (const auto& file : value) {
        if (file.is_string() && file.get<std::string>().contains('*')) continue;
        files.push_back(file);
      }
      return set(config, row->ours, files, name);
    }
    set(config, row->ours, value, name);
  }

  static Json level(const Json& theirs) {
    if (theirs.is_number_unsigned()) {
      const auto number = theirs.get<unsigned>();
      return number >= 5 ? "debug" : number == 4 ? "info" : number == 3 ? "warning" : "error";
    }
    if (theirs == "notice") return "info";
    for (const char* grave : {"none", "emergency", "alert", "critical"}) {
      if (theirs == grave) return "error";
    }
    return theirs;
  }

  // Entry by entry, so that one that cannot be taken leaves the others.
  void named(const std::string& name, const Json& value, Json& config, const auto& change) {
    if (!value.is_object()) return set(config, name, value, name);
    for (const auto& [key, of] : value.items()) {
      if (key.contains('.')) {  // set() takes names apart at dots
        remark(name + ": " + key + ": left out: a name with a dot");
        continue;
      }
      if (&config == &config_) at(name + "." + key);
      set(config, name + "." + key, change(of), name + ": " + key);
    }
  }

  // `user_regexp: ""` is how ejabberd says: every account of ours.
  static Json acl(const Json& theirs) {
    if (!theirs.is_object() || theirs.size() != 1 || theirs.value("user_regexp", Json(0)) != "") {
      return theirs;
    }
    return {{"user_glob", "*"}};
  }

  void mechanisms(const Json& value, Json& config) {
    Json ours = Json::array();
    for (const auto& theirs : value.is_array() ? value : Json::array({value})) {
      std::string word = theirs.is_string() ? theirs.get<std::string>() : theirs.dump();
      for (char& c : word) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      if (refusal({{"disable_sasl_mechanisms", {word}}}).empty()) {
        ours.push_back(word);
      } else {
        remark("disable_sasl_mechanisms: " + word + " is not there anyway");
      }
    }
    if (!ours.empty()) config["disable_sasl_mechanisms"] = ours;
  }

  void host_config(const Json& value) {
    if (!value.is_object()) return remark("host_config: left out: no map");
    for (const auto& [host, options] : value.items()) {
      Json ours = Json::object();
      if (options.is_object()) {
        for (const auto& [name, of] : options.items()) {
          at("host_config." + host + "." + name);
          top_option(name, of, ours, host);
        }
      }
      for (const auto& name : ours.empty() ? std::vector<std::string>{} : keys(ours)) {
        const Option* option = find_option(name);
        if (option != nullptr && (option->per_host || name == "modules")) continue;
        at("host_config." + host + "." + name);
        remark("host_config: " + host + ": " + name + ": cannot differ from host to host");
        ours.erase(name);
      }
      if (!ours.empty()) config_["host_config"][host] = ours;
    }
  }

  static std::vector<std::string> keys(const Json& map) {
    std::vector<std::string> names;
    for (const auto& [name, unused] : map.items()) names.push_back(name);
    return names;
  }

  void listen(const Json& value) {
    Json ours = Json::array();
    std::size_t index = 0;
    for (const auto& theirs : value.is_array() ? value : Json::array()) {
      const std::string path = "listen." + std::to_string(index++);
      at(path);
      const std::string module = theirs.is_object() ? text_of(theirs, "module") : "";
      const std::string name = "listen: port " + text_of(theirs, "port");
      if (module != "ejabberd_c2s") {
        remark(name + ": " + (module.empty() ? "no module" : module) + " is not there yet");
        continue;
      }
      if (!theirs.contains("starttls_required") && theirs.value("tls", Json()) != true) {
        remark(name + ": TLS is required here, unless you say starttls_required: false");
      }
      Json one{{"module", "c2s"}};
      for (const auto& [key, of] : theirs.items()) {
        if (key == "module") continue;
        at(path + "." + key);
        listener_option(one, key, of, name);
      }
      ours.push_back(one);
    }
    if (!ours.empty()) config_["listen"] = ours;
  }

  void listener_option(Json& one, const std::string& key, const Json& value,
                       const std::string& listener) {
    const Counterpart* row = counterpart_of("listen." + key);
    const std::string what = listener + ": " + key + ": ";
    if (row == nullptr) return remark(what + "no counterpart");
    if (!row->note.empty()) remark(what + std::string(row->note));
    if (row->ours.empty()) return;
    Json alone{{key, value}};
    if (const auto wrong = refusal({{"listen", Json::array({alone})}}); !wrong.empty()) {
      return remark(what + "left out: " + wrong);
    }
    one[key] = value;
  }

  static std::string text_of(const Json& map, const std::string& key) {
    if (!map.is_object() || !map.contains(key)) return "";
    return map[key].is_string() ? map[key].get<std::string>() : map[key].dump();
  }

  void modules(const Json& value, Json& config, const std::string& host) {
    if (!value.is_object()) return;
    const std::string prefix = host.empty() ? "modules." : "host_config." + host + ".modules.";
    for (const auto& [name, options] : value.items()) {
      at(prefix + name);
      const Counterpart* row = counterpart_of(name);
      if (row == nullptr) {
        remark("modules: " + name + ": not there");
        continue;
      }
      if (!row->note.empty()) remark("modules: " + name + ": " + std::string(row->note));
      if (name == "mod_register") set(config, "modules.register.enabled", true, name);
      if (!options.is_object()) continue;
      for (const auto& [key, of] : options.items()) {
        at(prefix + name);
        at(prefix + name + "." + key);
        const std::string what = "modules: " + name + ": " + key;
        const Counterpart* option = counterpart_of(name + "." + key);
        if (option == nullptr) {
          remark(what + ": no counterpart");
          continue;
        }
        if (!option->note.empty()) remark(what + ": " + std::string(option->note));
        if (!option->ours.empty()) set(config, option->ours, of, what);
      }
    }
  }

  std::string path_;
  const FileReader& read_file_;
  int includes_ = 0;
  std::size_t values_ = 0;
  std::map<std::string, YAML::Node> macros_;
  std::vector<TheirOption> options_;
  std::string file_;
  std::map<std::string, int> lines_;  // by path, such as "modules.mod_mam.default"
  std::string where_;
  Json config_ = Json::object();
  std::vector<std::string> remarks_;
};

}  // namespace

Result<Imported> import_ejabberd(const std::string& text, const std::string& path,
                                 const FileReader& read_file) {
  Import import(path, read_file);
  const auto refuse = [&](const YAML::Mark& mark, const std::string& message) {
    const std::string line = mark.is_null() ? "" : ":" + std::to_string(mark.line + 1);
    return fail(Errc::invalid, import.file() + line + ": " + message);
  };
  try {
    import.add(text, path);
    return import.translate();
  } catch (const Mistake& mistake) {
    return refuse(mistake.mark, mistake.message);
  } catch (const YAML::Exception& error) {
    return refuse(error.mark, "not valid YAML: " + error.msg);
  }
}

}  // namespace starling::config
