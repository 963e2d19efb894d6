//! What happens in a process of its own: a test that is killed leaves no server behind, a test that cannot run
//! says so. Each test runs itself again with `AGAIN` set.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use lab::{MySql, wait_until};

const AGAIN: &str = "LAB_TEST_AGAIN";

/// This test program, to run `test` only.
fn again(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this test has a path"));
    command.args(["--exact", test, "--nocapture"]).env(AGAIN, "1").stdin(Stdio::null());
    command.env_remove("CI").env_remove("COINPIPE_TEST_SKIPPED").env_remove("NEXTEST_TEST_NAME");
    command
}

fn is_again() -> bool {
    std::env::var_os(AGAIN).is_some()
}

#[test]
#[expect(clippy::print_stdout, reason = "the killed process tells the other one where its server is")]
fn private_server_of_a_killed_process_ends() {
    if is_again() {
        let database = MySql::start().expect("it starts");
        println!("\nport {}\nfolder {}", database.port(), database.folder().display());
        loop {
            std::thread::park();
        }
    }
    if !MySql::is_installed() {
        return lab::skip("neither MariaDB nor MySQL is installed");
    }
    let mut owner = again("private_server_of_a_killed_process_ends")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let lines = BufReader::new(owner.stdout.take().expect("stdout is piped")).lines();
    let told: Vec<String> =
        lines.map_while(Result::ok).filter(|line| line.starts_with(['p', 'f'])).take(2).collect();
    let [port, folder] = told.as_slice() else { panic!("it said {told:?}") };
    let port: u16 = port.trim_start_matches("port ").parse().expect("a port");
    let folder = Path::new(folder.trim_start_matches("folder "));
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() && folder.exists());

    owner.kill().expect("it is killed");
    owner.wait().expect("it is gone");
    wait_until("its server is gone", || std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    wait_until("its data is gone", || !folder.exists() && !folder.with_added_extension("lock").exists());
}

#[test]
fn a_skipped_test_says_so_and_ci_does_not_accept_it() {
    if is_again() {
        return lab::skip("there is no moon");
    }
    let test = "a_skipped_test_says_so_and_ci_does_not_accept_it";
    let folder = tempfile::tempdir().expect("a folder");
    let list = folder.path().join("skipped");
    let run = |command: &mut Command| -> (Output, String) {
        let output = command.output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output, said)
    };

    let (output, said) = run(again(test).env("COINPIPE_TEST_SKIPPED", &list));
    let line = format!("skipped: {test}: there is no moon\n");
    assert!(output.status.success() && said.contains(&line), "{said}");
    assert_eq!(std::fs::read_to_string(&list).expect("the list"), line);

    let (output, said) = run(again(test).env("CI", "true"));
    assert!(!output.status.success() && said.contains("there is no moon"), "{said}");
}

#[test]
fn without_servers_in_the_environment_a_test_skips() {
    if is_again() {
        assert_eq!(
            (lab::amqp_url_or_skip(), lab::mysql_url_or_skip()),
            (None, Some("mysql://h/d".to_owned()))
        );
        return;
    }
    let output = again("without_servers_in_the_environment_a_test_skips")
        .env("COINPIPE_TEST_AMQP_URL", "")
        .env("COINPIPE_TEST_MYSQL_URL", "mysql://h/d")
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("no RabbitMQ"), "{said}");
}
