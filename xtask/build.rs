//! Does nothing: cargo looks at build dependencies where there is a build script (`syn` in the workspace's Cargo.toml).

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
}
