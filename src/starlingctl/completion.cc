#include "starlingctl/completion.h"

#include "commands/commands.h"

namespace starling::starlingctl {

namespace {

using commands::Type;

// What stands for an argument in the scripts: words to choose from, @host, @file, or @none.
std::string kind_of(const commands::Argument& argument) {
  switch (argument.type) {
    case Type::choice: {
      std::string words;
      for (const auto choice : commands::choices(argument)) {
        words += (words.empty() ? "" : ",") + std::string(choice);
      }
      return words;
    }
    case Type::host:
    case Type::domain:
      return "@host";
    case Type::file:
      return "@file";
    default:
      return "@none";
  }
}

// One line a command: NAME) kinds='...' ;;
std::string cases() {
  std::string text;
  for (const auto& command : commands::all()) {
    std::string kinds;
    for (const auto& argument : command.arguments) {
      kinds += (kinds.empty() ? "" : " ") + kind_of(argument);
    }
    text += "    " + std::string(command.name) + ") kinds='" + kinds + "' ;;\n";
  }
  return text;
}

std::string names() {
  std::string text = "help completion";
  for (const auto& command : commands::all()) text += " " + std::string(command.name);
  return text;
}

// Both shells: goes over the words before the one at the cursor, and leaves in `kind` what that one
// is. `first` is the index of the first word after the program's.
constexpr std::string_view kFindKind =
    R"sh(  local command='' kinds='' kind='@command' at=0 i word socket=()
  local seconds=${STARLING_COMPLETION_TIMEOUT:-1}
  for ((i = first; i < current; i++)); do
    word=${words[i]}
    case $word in
      --socket | --format)
        ((++i == current)) && kind=$word
        [[ $word == --socket && $i -lt $current ]] && socket=(--socket "${words[i]}")
        ;;
      --*) ;;
      *) if [[ -z $command ]]; then command=$word; else ((at++)); fi ;;
    esac
  done
  case $command in
    '') ;;
    help) kinds='@command' ;;
    completion) kinds='bash,zsh' ;;
@CASES@    *) kinds='' ;;
  esac
)sh";

constexpr std::string_view kBashBegin = R"sh(# starlingctl: completion for bash.
# eval "$(starlingctl completion bash)"
_starlingctl() {
  local words=("${COMP_WORDS[@]}") current=$COMP_CWORD first=1
  local cur=${COMP_WORDS[COMP_CWORD]} list
)sh";

constexpr std::string_view kBashEnd = R"sh(  if [[ -n $command && $kind == @command ]]; then
    list=($kinds)
    kind=${list[at]:-@none}
  fi
  if [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W '--socket --format --help --version' -- "$cur"))
    return
  fi
  case $kind in
    @command) COMPREPLY=($(compgen -W '@NAMES@' -- "$cur")) ;;
    @host)
      list=$(timeout "$seconds" starlingctl "${socket[@]}" registered_vhosts 2>/dev/null)
      COMPREPLY=($(compgen -W "$list" -- "$cur"))
      ;;
    @file | --socket)
      compopt -o filenames 2>/dev/null
      COMPREPLY=($(compgen -f -- "$cur"))
      ;;
    --format) COMPREPLY=($(compgen -W 'text json' -- "$cur")) ;;
    @none) COMPREPLY=() ;;
    *) COMPREPLY=($(compgen -W "${kind//,/ }" -- "$cur")) ;;
  esac
}
complete -F _starlingctl starlingctl
)sh";

constexpr std::string_view kZshBegin = R"sh(#compdef starlingctl
# starlingctl: completion for zsh.  eval "$(starlingctl completion zsh)"
_starlingctl() {
  local current=$CURRENT first=2 list
)sh";

constexpr std::string_view kZshEnd = R"sh(  if [[ -n $command && $kind == @command ]]; then
    list=(${=kinds})
    kind=${list[at+1]:-@none}
  fi
  if [[ ${words[CURRENT]} == -* ]]; then
    compadd -- --socket --format --help --version
    return
  fi
  case $kind in
    @command) compadd -- @NAMES@ ;;
    @host)
      list=(${(f)"$(timeout "$seconds" starlingctl $socket registered_vhosts 2>/dev/null)"})
      compadd -- $list
      ;;
    @file | --socket) _files ;;
    --format) compadd -- text json ;;
    @none) ;;
    *) compadd -- ${(s:,:)kind} ;;
  esac
}
compdef _starlingctl starlingctl
)sh";

void fill_in(std::string& text, std::string_view mark, const std::string& value) {
  text.replace(text.find(mark), mark.size(), value);
}

std::string script(std::string_view begin, std::string_view end) {
  std::string text(begin);
  text += kFindKind;
  text += end;
  fill_in(text, "@CASES@", cases());
  fill_in(text, "@NAMES@", names());
  return text;
}

}  // namespace

std::string completion_script(std::string_view shell) {
  if (shell == "bash") return script(kBashBegin, kBashEnd);
  return shell == "zsh" ? script(kZshBegin, kZshEnd) : std::string();
}

}  // namespace starling::starlingctl
