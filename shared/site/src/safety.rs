//! Who may look, and who may act.

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::MethodRouter;

use crate::context::Context;
use crate::trouble::Trouble;

pub(crate) fn routes() -> Router<Context> {
    Router::new()
}

/// Routes that change something: only who may act gets to them. Every such route is made by this.
#[cfg_attr(not(test), expect(dead_code, reason = "no view changes anything yet"))]
pub(crate) fn acting(routes: MethodRouter<Context>) -> MethodRouter<Context> {
    routes.route_layer(middleware::from_fn(refuse))
}

async fn refuse(_request: Request, _next: Next) -> Result<Response, Trouble> {
    Err(Trouble::Forbidden("nobody may act yet".to_owned()))
}
