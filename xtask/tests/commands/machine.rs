//! A machine for documented commands: an empty folder with coinpipe's programs, a folder in place of the system's, an
//! API in place of the internet, and no other program but those that are listed here.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::calls::{Call, NOT_RUN};
use crate::pages::root;
use crate::programs::{OURS, built};

/// What the commands, and the stand-ins, use of the system.
const OF_THE_SYSTEM: [&str; 13] = [
    "bash", "cat", "date", "env", "grep", "id", "install", "ls", "mkdir", "mktemp", "sh", "sleep", "timeout",
];

/// Folders that the commands mean the system's by; the machine has its own.
const SYSTEM_FOLDERS: [&str; 3] = ["/etc/", "/usr/local/bin", "/var/lib/coinpipe"];

/// How many seconds the commands of a page may take. Long, because a loaded machine is slow.
const DEADLINE: &str = "120";

/// See the file's first line. What runs on it ends with it.
pub(crate) struct Machine {
    folder: PathBuf,
    api: String,
    simulator: Child,
    /// Texts of the pages and what is meant by them here.
    examples: Vec<(String, String)>,
}

impl Machine {
    pub(crate) fn new(name: &str) -> Self {
        let name = name.replace('/', "-");
        let folder = lab::services_folder().join(format!("commands-{}-{name}", std::process::id()));
        for inside in [
            "bin",
            "home/target/debug",
            "home/target/release",
            "etc/systemd/system",
            "usr/local/bin",
            "var/lib/coinpipe",
        ] {
            fs::create_dir_all(folder.join(inside)).expect("a folder");
        }
        fs::write(folder.join("calls"), "").expect("a file");
        fs::write(folder.join("program"), include_str!("program.sh")).expect("a file");
        fs::set_permissions(folder.join("program"), fs::Permissions::from_mode(0o755)).expect("a mode");
        let stand_ins = OURS.iter().chain(["sudo"].iter()).chain(NOT_RUN.iter().map(|(name, _)| name));
        for name in stand_ins {
            symlink(folder.join("program"), folder.join("bin").join(name)).expect("a link");
        }
        for name in OF_THE_SYSTEM {
            symlink(on_the_path(name), folder.join("bin").join(name)).expect("a link");
        }
        for (name, profile) in OURS.iter().flat_map(|name| [(name, "debug"), (name, "release")]) {
            let link = folder.join("home/target").join(profile).join(name);
            symlink(folder.join("program"), link).expect("a link");
        }
        symlink(root().join("deploy"), folder.join("home/deploy")).expect("a link");
        let (simulator, api) = start_api(&folder);
        let own = |system: &str| (system.to_owned(), format!("{}{system}", folder.display()));
        let examples = SYSTEM_FOLDERS.iter().map(|system| own(system)).collect();
        Self { folder, api, simulator, examples }
    }

    /// From now on `text` of a page means `here`.
    pub(crate) fn means(mut self, text: &str, here: &str) -> Self {
        self.examples.push((text.to_owned(), here.to_owned()));
        self
    }

    /// Writes a file of the machine's.
    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.folder.join(file);
        fs::create_dir_all(path.parent().expect("it is in a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    /// Runs a script of bash in the folder `home`; what it printed, and what it asked of programs that are not run.
    pub(crate) fn run(&self, script: &str) -> (String, Vec<Call>) {
        let script =
            self.examples.iter().fold(script.to_owned(), |script, (text, here)| script.replace(text, here));
        let output = self
            .command("timeout")
            .args(["--kill-after=5", DEADLINE, "bash", "-c", &script])
            .current_dir(self.folder.join("home"))
            .output()
            .expect("bash runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}\n{said}\n{errors}\n{}", output.status);
        let calls = fs::read_to_string(self.folder.join("calls")).expect("the list of calls");
        fs::write(self.folder.join("calls"), "").expect("an empty list");
        (said, calls.split_terminator('\x1e').map(Call::read).collect())
    }

    /// A command in the machine's environment, and nothing of the test's.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.folder.join("bin").join(program));
        command.env_clear().stdin(Stdio::null()).envs([
            ("PATH", self.folder.join("bin").as_os_str()),
            ("MACHINE", self.folder.as_os_str()),
            ("MACHINE_PROGRAMS", built().as_os_str()),
            ("MACHINE_API", self.api.as_ref()),
        ]);
        command.env("HOME", self.folder.join("home"));
        // Several machines run at once, and port 9464 is one.
        command.env("COINPIPE__HTTP__LISTEN", "off");
        lab::marked_for(&self.folder, &mut command);
        command
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // Whatever still runs on it ends, too.
        lab::remove(&self.folder);
        let _ = self.simulator.wait();
    }
}

/// The API: real quotes, as far as the programs know, for any key.
fn start_api(folder: &Path) -> (Child, String) {
    let response = root().join("tests/data/listings_v3.json");
    let mut command = Command::new(built().join("coinpipe"));
    command.args(["simulate", "--listen", "127.0.0.1:0", "--serve"]).arg(response);
    lab::marked_for(folder, &mut command);
    let mut simulator = command.stderr(Stdio::piped()).spawn().expect("it starts");
    let mut said = BufReader::new(simulator.stderr.take().expect("stderr is piped"));
    let mut line = String::new();
    while !line.contains("COINPIPE__FETCH__BASE_URL=") {
        line.clear();
        assert!(said.read_line(&mut line).expect("text") > 0, "the simulator ended");
    }
    let url = line.rsplit('=').next().expect("a URL").trim().trim_matches(['"', '}']).to_owned();
    std::thread::spawn(move || said.read_to_end(&mut Vec::new()));
    (simulator, url)
}

fn on_the_path(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").expect("there is a PATH");
    let places = std::env::split_paths(&path).map(|folder| folder.join(program));
    places.into_iter().find(|place| place.exists()).unwrap_or_else(|| panic!("there is no {program} here"))
}
