//! Lemonway's JSON envelopes: `{"d": …}`, bare, and the exception of ASP.NET.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::super::reply::Reply;
use super::super::route::Operation;

/// `directkitjson2`: everything under `d`, the other half of the answer null.
pub(super) fn wrapped(operation: Operation, decision: Result<&Value, Value>) -> Reply {
    let kind = format!("Service_mb_json2.Response_{}", operation.name());
    let (wallet, error) = match decision {
        Ok(wallet) => (wallet.clone(), Value::Null),
        Err(mut error) => {
            error["INT_MSG"] = Value::Null;
            (Value::Null, error)
        }
    };
    let body = json!({"d": {"__type": kind, "WALLET": wallet, "E": error}});
    Reply::json(StatusCode::OK, &body)
}

/// `directkitjson`: as its page shows it.
pub(super) fn bare(decision: Result<&Value, Value>) -> Reply {
    let body = match decision {
        Ok(wallet) => json!({"WALLET": wallet}),
        Err(error) => json!({"E": error}),
    };
    Reply::json(StatusCode::OK, &body)
}

/// What ASP.NET answers to a request that it cannot bind: HTTP 500.
pub(in crate::sandbox) fn exception(message: &str) -> Reply {
    let body = json!({
        "Message": message,
        "StackTrace": "   at System.Web.Script.Services.WebServiceMethodData.CallMethod(Object target, IDictionary`2 parameters)",
        "ExceptionType": "System.InvalidOperationException",
    });
    Reply::json(StatusCode::INTERNAL_SERVER_ERROR, &body)
}
