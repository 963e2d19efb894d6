//! The life of one server process: started, ready, stopped, killed, frozen; its folder and its log.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal};

use crate::keeper::{self, Keeper};
use crate::{LabError, mark, place, wait};

/// How much of a log is shown.
const TAIL_LINES: usize = 100;

/// How long one look at a port may take.
const GREETING: Duration = Duration::from_secs(5);

/// A server's folder and its main process.
#[derive(Debug)]
pub(crate) struct Server {
    name: &'static str,
    folder: PathBuf,
    main: Option<Main>,
    /// None: the server outlives this handle.
    keeper: Option<Keeper>,
}

#[derive(Debug)]
struct Main {
    pid: Pid,
    /// Ours to wait for; not that of a server found running.
    child: Option<Child>,
}

impl Server {
    /// An empty place for a server that ends with this handle.
    pub(crate) fn private(name: &'static str) -> Result<Self, LabError> {
        let (folder, keeper) = place::private(name)?;
        Ok(Self { name, folder, main: None, keeper: Some(keeper) })
    }

    /// An empty place, `folder`, for a server that outlives this handle.
    pub(crate) fn detached(name: &'static str, folder: &Path) -> Result<Self, LabError> {
        keeper::remove(&folder.canonicalize().unwrap_or_else(|_| folder.to_owned()));
        fs::create_dir_all(folder).map_err(LabError::io(format_args!("make {}", folder.display())))?;
        let folder = folder.canonicalize().map_err(LabError::io("find the folder"))?;
        Ok(Self { name, folder, main: None, keeper: None })
    }

    /// The server that runs in `folder`, if one does.
    pub(crate) fn find(name: &'static str, folder: &Path) -> Option<Self> {
        let folder = folder.canonicalize().ok()?;
        let pid = Pid::from_raw(fs::read_to_string(folder.join("pid")).ok()?.trim().parse().ok()?)?;
        let main = mark::is_marked(&folder, pid).then_some(Main { pid, child: None })?;
        Some(Self { name, folder, main: Some(main), keeper: None })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn write(&self, file: &str, text: &str) -> Result<PathBuf, LabError> {
        let path = self.folder.join(file);
        fs::write(&path, text).map_err(LabError::io(format_args!("write {}", path.display())))?;
        Ok(path)
    }

    /// Starts `command`, which must become the server (`exec`), not start it. Its output goes to the log.
    pub(crate) fn start(&mut self, mut command: Command) -> Result<(), LabError> {
        assert!(!self.runs(), "{} runs already", self.name);
        let log = self.log();
        let output = File::options().create(true).append(true).open(&log);
        let output = output.map_err(LabError::io(format_args!("open {}", log.display())))?;
        let errors = output.try_clone().map_err(LabError::io("share the log"))?;
        let child = command
            .env(mark::MARK, &self.folder)
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .map_err(LabError::io(format_args!("start {}", command.get_program().display())))?;
        let pid = Pid::from_child(&child);
        self.main = Some(Main { pid, child: Some(child) });
        self.write("pid", &pid.as_raw_nonzero().to_string())?;
        Ok(())
    }

    /// Waits until the port answers `is_greeting`, or the process ended.
    pub(crate) fn wait_ready(
        &mut self,
        port: u16,
        greeting: impl Fn(&mut TcpStream) -> std::io::Result<bool>,
    ) -> Result<(), LabError> {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let ready = wait::poll(wait::DEADLINE, || {
            if !self.runs() {
                return Some(false);
            }
            let greeted = TcpStream::connect_timeout(&address, GREETING).and_then(|mut stream| {
                stream.set_read_timeout(Some(GREETING))?;
                greeting(&mut stream)
            });
            greeted.unwrap_or(false).then_some(true)
        });
        match ready {
            Some(true) => Ok(()),
            Some(false) => Err(self.error("ended before it was ready")),
            None => Err(self.error("is not ready in time")),
        }
    }

    /// Whether the main process runs (a frozen one does).
    pub(crate) fn runs(&mut self) -> bool {
        let Some(main) = &mut self.main else { return false };
        let runs = match &mut main.child {
            Some(child) => matches!(child.try_wait(), Ok(None)),
            None => mark::is_marked(&self.folder, main.pid),
        };
        if !runs {
            self.main = None;
        }
        runs
    }

    /// Asks the server to end (SIGTERM) and waits until it did.
    pub(crate) fn stop(&mut self) -> Result<(), LabError> {
        self.signal(Signal::TERM);
        self.gone()
    }

    /// Kills the main process (SIGKILL) and waits until it is gone, its sockets closed.
    pub(crate) fn kill9(&mut self) -> Result<(), LabError> {
        self.signal(Signal::KILL);
        self.gone()
    }

    fn gone(&mut self) -> Result<(), LabError> {
        let gone = wait::poll(wait::DEADLINE, || (!self.runs()).then_some(()));
        gone.ok_or_else(|| self.error("does not end"))
    }

    /// Signals the main process; nothing happens when there is none.
    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(main) = &self.main {
            // Between fork and exec the child has no mark yet; until it is waited for, its id is nobody else's.
            if main.child.is_some() {
                let _ = rustix::process::kill_process(main.pid, signal);
            } else {
                mark::signal(&self.folder, main.pid, signal);
            }
        }
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("log")
    }

    /// An error about this server, with the tail of its log.
    pub(crate) fn error(&self, what: &str) -> LabError {
        let log = fs::read(self.log()).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n");
        LabError::new(format!("{} {what}; {} ends with:\n{tail}", self.name, self.log().display()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.keeper.take().is_some() {
            // Everything that carries the mark is dead now: collect our child.
            if let Some(Main { child: Some(child), .. }) = &mut self.main {
                let _ = child.wait();
            }
        }
    }
}

/// The program `name` in `folders`, or on the PATH.
pub(crate) fn program(names: &[&str], folders: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = folders.iter().map(PathBuf::from).chain(std::env::split_paths(&path)).collect();
    names.iter().find_map(|name| folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file()))
}
