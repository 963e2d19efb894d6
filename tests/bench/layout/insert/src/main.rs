//! What it costs to get rows into MariaDB over sqlx, way by way.
mod cases;
mod data;
mod layout;
mod rest;
mod ways;
#[tokio::main(flavor = "current_thread")]
async fn main() {
    cases::main().await
}
