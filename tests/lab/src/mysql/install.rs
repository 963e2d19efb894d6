//! The data directory every private server starts from: made once per installed version, then copied.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::server;
use crate::{LabError, place};

/// Not everyone has these on the PATH.
const FOLDERS: &[&str] = &["/usr/sbin", "/usr/libexec", "/usr/local/mysql/bin"];

/// Run by the server itself when the template is made.
const FIRST_SQL: &str = "\
CREATE USER 'lab'@'%' IDENTIFIED BY 'lab';
GRANT ALL PRIVILEGES ON *.* TO 'lab'@'%' WITH GRANT OPTION;
CREATE DATABASE coinpipe;
SHUTDOWN;
";

/// The server program: MariaDB's first, which also installs a `mysqld`.
pub(super) fn program() -> Option<PathBuf> {
    server::program(&["mariadbd", "mysqld"], FOLDERS)
}

/// The server on the data in `folder`, without its network options.
pub(super) fn server(folder: &Path) -> Result<Command, LabError> {
    let program = program().ok_or_else(|| LabError::new("neither mariadbd nor mysqld is installed"))?;
    let mut command = Command::new(program);
    // First, as they demand: nothing of /etc/mysql is read.
    command.arg("--no-defaults");
    command.arg(format!("--datadir={}", folder.display()));
    // Not in a folder that it shares: at its start a server deletes all temporary tables that it finds there.
    command.arg(format!("--tmpdir={}", folder.display()));
    // Relative to the data: a long path would not fit into a socket's address.
    command.args(["--socket=s.sock", "--pid-file=s.pid"]);
    command.args(as_user());
    if !is_mariadb() {
        command.arg("--loose-mysqlx=OFF");
    }
    Ok(command)
}

/// What makes a server small, for tests that start many of them.
pub(super) fn small() -> [&'static str; 3] {
    let redo_log =
        if is_mariadb() { "--innodb-log-file-size=8M" } else { "--loose-innodb-redo-log-capacity=8M" };
    ["--skip-log-bin", "--performance-schema=OFF", redo_log]
}

/// Copies the template to `folder`; makes it first when there is none for the installed version.
pub(super) fn copy_template(folder: &Path) -> Result<(), LabError> {
    let root = place::services_folder().join("template");
    fs::create_dir_all(&root).map_err(LabError::io(format_args!("make {}", root.display())))?;
    let template = root.join(version()?);
    // One makes it, the others wait.
    let lock = File::create(root.join("lock")).and_then(|file| file.lock().map(|()| file));
    let lock = lock.map_err(LabError::io("lock the template"))?;
    if !template.exists() {
        let unfinished = root.join("unfinished");
        let _ = fs::remove_dir_all(&unfinished);
        fs::create_dir(&unfinished).map_err(LabError::io(format_args!("make {}", unfinished.display())))?;
        make(&unfinished)?;
        fs::rename(unfinished.join("data"), &template).map_err(LabError::io("name the template"))?;
        let _ = fs::remove_dir_all(&unfinished);
    }
    drop(lock);
    copy(&template, folder).map_err(LabError::io(format_args!("copy {}", template.display())))
}

/// System tables by the installation's own program, then the user and the database by a first start.
fn make(folder: &Path) -> Result<(), LabError> {
    let data = folder.join("data");
    let sql = folder.join("first.sql");
    fs::write(&sql, FIRST_SQL).map_err(LabError::io("write the first statements"))?;
    let mut tables = if is_mariadb() {
        let program = server::program(&["mariadb-install-db", "mysql_install_db"], &[])
            .ok_or_else(|| LabError::new("mariadb-install-db is not on the PATH"))?;
        let mut command = Command::new(program);
        command.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
        // Forced: it would give up on a machine that cannot look up its own name.
        command.args(["--skip-name-resolve", "--force"]);
        command.arg(format!("--datadir={}", data.display())).args(as_user());
        command
    } else {
        let mut command = server(&data)?;
        command.args(small()).arg("--initialize-insecure");
        command
    };
    run(&mut tables, folder)?;
    let mut first = server(&data)?;
    first.args(small());
    first.args(["--skip-networking", &format!("--init-file={}", sql.display())]);
    run(&mut first, folder)
}

fn run(command: &mut Command, folder: &Path) -> Result<(), LabError> {
    let program = command.get_program().display().to_string();
    let output = command
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .map_err(LabError::io(format_args!("start {program}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(LabError::new(format!("{program} failed:\n{}", String::from_utf8_lossy(&said))))
}

fn is_mariadb() -> bool {
    program().is_some_and(|program| program.ends_with("mariadbd"))
}

/// Both refuse to run as root unless told to.
fn as_user() -> Option<&'static str> {
    rustix::process::geteuid().is_root().then_some("--user=root")
}

/// The installed version, as a folder's name.
fn version() -> Result<String, LabError> {
    let program = program().ok_or_else(|| LabError::new("neither mariadbd nor mysqld is installed"))?;
    let output =
        Command::new(program).arg("--version").output().map_err(LabError::io("ask for the version"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let name = text.rsplit('/').next().unwrap_or_default().trim();
    Ok(name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect())
}

/// Copies a folder of plain files and folders.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
