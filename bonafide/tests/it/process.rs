//! Programs under test: started on a free port, ended with the test.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Longer than any start takes on a busy machine.
const START: Duration = Duration::from_secs(60);

/// The `bonafide` program.
pub(crate) const BONAFIDE: &str = env!("CARGO_BIN_EXE_bonafide");

/// A program with nothing of this machine in its environment but the path.
pub(crate) fn command(program: impl AsRef<Path>) -> Command {
    let mut command = Command::new(program.as_ref());
    command.env_clear().stdin(Stdio::null());
    for name in ["PATH", "HOME", "TMPDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command
}

/// Runs `bonafide` to its end.
pub(crate) fn bonafide(arguments: &[&str]) -> Output {
    command(BONAFIDE)
        .args(arguments)
        .output()
        .expect("bonafide starts")
}

/// Runs a program that is to end by itself, and does not wait for ever where it goes on.
pub(crate) fn ended(mut command: Command) -> Output {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let started = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if started.elapsed() > START {
            child.kill().unwrap();
            let output = child.wait_with_output().unwrap();
            let log = String::from_utf8_lossy(&output.stderr);
            panic!("{command:?} goes on and on; its log:\n{log}");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.wait_with_output().unwrap()
}

/// The MongoDB of the tests.
pub(crate) fn mongodb_uri() -> String {
    std::env::var("MONGODB_URI").unwrap_or_else(|_| {
        panic!(
            "MONGODB_URI is not set: ./test starts a MongoDB, and so does \
             `scripts/with-mongod cargo test`"
        )
    })
}

/// The program of one function, which is built beside `bonafide`.
pub(crate) fn function_program(name: &str) -> PathBuf {
    let program = Path::new(BONAFIDE).with_file_name(format!("bonafide-{name}"));
    assert!(
        program.is_file(),
        "{} is missing: ./test builds it, and so does `cargo build --workspace --all-targets`",
        program.display()
    );
    program
}

/// A running server.
pub(crate) struct Server {
    child: Child,
    /// `http://127.0.0.1:PORT`
    pub(crate) address: String,
    log: PathBuf,
}

impl Server {
    /// `bonafide serve` on a data folder, in development unless `variables` say otherwise.
    pub(crate) fn serve(data: &Path, variables: &[(&str, &str)]) -> Self {
        Self::serve_on(0, data, variables)
    }

    /// The same on a port of one's choice.
    pub(crate) fn serve_on(port: u16, data: &Path, variables: &[(&str, &str)]) -> Self {
        let log = data.join("log");
        let mut child = command(BONAFIDE)
            .args(["serve", "--host", "127.0.0.1", "--port", &port.to_string()])
            .env("DATA_DIR", data)
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(log_file(&log))
            .spawn()
            .expect("bonafide starts");
        let (sender, receiver) = mpsc::channel();
        let output = BufReader::new(child.stdout.take().expect("stdout is piped"));
        // Read to its end, so that the server never waits for a reader.
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if let Some(address) = line
                    .split_whitespace()
                    .find(|word| word.starts_with("http://"))
                {
                    let _ = sender.send(address.trim_end_matches(['/', '.', ',']).to_owned());
                }
            }
        });
        let mut server = Self {
            child,
            address: String::new(),
            log,
        };
        server.address = receiver.recv_timeout(START).unwrap_or_else(|_| {
            panic!(
                "bonafide serve printed no address; its log:\n{}",
                server.log_text()
            )
        });
        server
    }

    /// A function's program on `port`.
    pub(crate) fn function(
        name: &str,
        port: u16,
        folder: &Path,
        variables: &[(&str, &str)],
    ) -> Self {
        let log = folder.join(format!("{name}.log"));
        let child = command(function_program(name))
            .env("HOST", "127.0.0.1")
            .env("PORT", port.to_string())
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(log_file(&log))
            .spawn()
            .expect("the function starts");
        let mut server = Self {
            child,
            address: format!("http://127.0.0.1:{port}"),
            log,
        };
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = server.child.try_wait().unwrap();
            assert!(
                ended.is_none() && started.elapsed() < START,
                "bonafide-{name} does not serve ({ended:?}); its log:\n{}",
                server.log_text()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        server
    }

    /// SIGKILL: what a crash, a power cut or the kernel's memory killer looks like from inside.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, and how it ended.
    pub(crate) fn stop(mut self) -> ExitStatus {
        let signalled = Command::new("kill")
            .arg(self.child.id().to_string())
            .status()
            .unwrap();
        assert!(signalled.success());
        self.child.wait().unwrap()
    }

    /// What it wrote to standard error.
    pub(crate) fn log_text(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log_text();
            let lines: Vec<&str> = log.lines().collect();
            let end = lines[lines.len().saturating_sub(30)..].join("\n");
            eprintln!("--- end of {}:\n{end}", self.log.display());
        }
    }
}

fn log_file(path: &Path) -> File {
    File::options()
        .create(true)
        .append(true)
        .open(path)
        .unwrap()
}

/// A port that nobody listens on, below those that systems give to outgoing connections: nobody takes it before the
/// program does.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = 20_000 + u16::try_from(std::process::id() % 10_000).expect("below 10,000");
    loop {
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed);
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
