#include "sandbox/cli/commands.h"

#include <array>
#include <cstdio>
#include <cstring>

#include "sandbox/base/error.h"
#include "sandbox/cli/arguments.h"
#include "sandbox/mlflow_server.h"

namespace sandbox::cli {
namespace {

int version(const Words& words) {
  Arguments arguments("version",
                      "Shows the version of this program and of the MLflow it stands for.");
  if (!arguments.parse(words)) return 0;
  std::printf("mlops-sandbox %s (answers as MLflow %s)\n", SANDBOX_VERSION,
              std::string(mlflow_version).c_str());
  return 0;
}

struct Command {
  const char* name;
  const char* about;
  int (*run)(const Words& words);  // null: it comes with a later version
};

constexpr std::array commands{
    Command{"up", "Start the lab: tracking server, S3 store, console page", up},
    Command{"status", "Show what runs where, and whether it answers", status},
    Command{"env", "Print the variables that point a shell or container at the lab", env},
    Command{"verify", "Check the storage step by step: verify storage [--lang ko|en]", verify},
    Command{"logs", "Show the server's log: logs [-f] [tracking|s3|console]", logs},
    Command{"api", "List the endpoints the running tracking server knows", api},
    Command{"experiments", "List, delete and restore experiments; delete --hard is for ever",
            experiments},
    Command{"gc", "Remove for ever what was deleted, files and rows: gc --dry-run shows it", gc},
    Command{"import", "Take over another MLflow's runs, models and files: import mlflow-db URI",
            import},
    Command{"relocate", "Move artifact roots to another bucket or prefix", relocate},
    Command{"sql", "Ask the metadata database: \\dt, SELECT …; it only reads", sql},
    Command{"migrate", "Move the lab to PostgreSQL and another S3, or back", migrate},
    Command{"export", "Write the files of a cluster installation: export k8s --preset lab",
            export_lab},
    Command{"snapshot", "Keep the whole lab as it is now: snapshot save, list, restore", snapshot},
    Command{"fork", "Start a second lab from a snapshot, or from now: fork --into DIR", fork_lab},
    Command{"run", "Run a command as a job: run -- python train.py; run export|import one run",
            run_command},
    Command{"jobs", "Look after jobs: jobs list|show|logs|cancel|retry|rm", jobs},
    Command{"secret", "Keep secrets for jobs: secret set NAME, list, rm", secret},
    Command{"config", "Keep variables for jobs: config set NAME=VALUE, list, rm", config},
    Command{"auth", "Users and tokens: auth user add|list|passwd|rm, auth token create", auth},
    Command{"train", "Train without Python: train vision --dataset CIFAR10", train},
    Command{"trainers", "List the built-in trainers and what they can be told", trainers},
    Command{"evaluate", "Test the model of a run again: evaluate RUN_ID", evaluate},
    Command{"down", "Stop the lab; its data stays", down},
    Command{"version", "Show the version", version},
    Command{"server", "The same as up, for those who type `mlflow server`", server},
    Command{"doctor", "Find out why something does not work", nullptr},
    Command{"pipeline", "Run pipelines", nullptr},
    Command{"serve", "Serve a registered model", nullptr},
};

void print_rows(bool ready) {
  for (const Command& command : commands) {
    if ((command.run != nullptr) == ready) std::printf("  %-11s %s\n", command.name, command.about);
  }
}

int help() {
  const std::string name = program();
  std::printf("mlops-sandbox %s: an MLflow tracking server and an S3 store in one program.\n\n",
              SANDBOX_VERSION);
  std::printf("A first session:\n");
  std::printf("  %s up --detach          start the lab in the background\n", name.c_str());
  std::printf("  eval \"$(%s env)\"        point this shell at it\n", name.c_str());
  std::printf("  python train.py                     any script that uses mlflow or boto3\n");
  std::printf("  aws s3 ls s3://mlflow/ --recursive  the files it logged\n");
  std::printf("  %s down                 stop it; everything is there at the next up\n\n",
              name.c_str());
  std::printf("Commands (each has --help):\n");
  print_rows(true);
  std::printf("\nComing with a later version:\n");
  print_rows(false);
  std::printf(
      "\nSettings are flags of up, environment variables or lines of a file, all with the same\n"
      "names: `%s up --help` lists them.\n",
      name.c_str());
  return 0;
}

}  // namespace

int run(const Words& words) {
  if (words.empty() || words[0] == "--help" || words[0] == "-h" || words[0] == "help")
    return help();
  const std::string name = words[0] == "--version" ? "version" : words[0];
  const Words rest(words.begin() + 1, words.end());
  if (name == "shim") return shim(rest);
  for (const Command& command : commands) {
    if (name != command.name) continue;
    if (command.run != nullptr) return command.run(rest);
    std::fprintf(stderr,
                 "mlops-sandbox: `%s` comes with a later version (%s). Run `%s --help` for what "
                 "there is.\n",
                 command.name, command.about, program().c_str());
    return 2;
  }
  std::fprintf(stderr, "mlops-sandbox: there is no command '%s'. `%s --help` lists them.\n",
               name.c_str(), program().c_str());
  return 2;
}

}  // namespace sandbox::cli
