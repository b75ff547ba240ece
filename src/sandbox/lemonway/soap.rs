//! Lemonway's SOAP 1.1 envelopes: parameters out of a request, and answers and faults into one.
//!
//! Documents with a DOCTYPE are refused, so no entity is ever expanded but the five of XML.

use axum::http::{HeaderMap, StatusCode};
use quick_xml::NsReader;
use quick_xml::escape::{escape, resolve_predefined_entity};
use quick_xml::events::{BytesRef, Event};
use quick_xml::name::ResolveResult;
use serde_json::{Map, Value};

use super::super::reply::Reply;
use super::super::request::{Malformed, is_utf8_of};
use super::super::route::Dialect;
use super::super::scenario::ResultElement;

const ENVELOPE: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const METHOD: &str = "UpdateWalletDetails";

const NOT_XML_TYPE: Malformed =
    Malformed::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the content type must be text/xml, in UTF-8");
const NO_ACTION: Malformed = Malformed::new(
    StatusCode::INTERNAL_SERVER_ERROR,
    "Server did not recognize the value of HTTP Header SOAPAction.",
);
const NOT_XML: Malformed = Malformed::new(StatusCode::BAD_REQUEST, "the body is no well-formed XML in UTF-8");
const DOCTYPE: Malformed = Malformed::new(StatusCode::BAD_REQUEST, "DTD is prohibited in this XML document.");
const NOT_ENVELOPE: Malformed = Malformed::new(
    StatusCode::INTERNAL_SERVER_ERROR,
    "Request format is invalid: Envelope, Body and the method with its parameters expected.",
);

/// The parameters of the one method in the envelope's body.
pub(in crate::sandbox) fn read(
    dialect: Dialect,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Map<String, Value>, Malformed> {
    if !is_utf8_of(headers, "text/xml") {
        return Err(NOT_XML_TYPE);
    }
    let namespace = if dialect == Dialect::Soap { "Service_mb" } else { "Service_mb_xml" };
    let action = headers.get("SOAPAction").and_then(|value| value.to_str().ok()).unwrap_or_default();
    // SOAP 1.1 (6.1.1) has it in quotes; that of the older page stands without.
    let quoted = action.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let action = if dialect == Dialect::Soap { quoted.unwrap_or(action) } else { quoted.unwrap_or_default() };
    if action != format!("{namespace}/{METHOD}") {
        return Err(NO_ACTION);
    }
    parse(std::str::from_utf8(body).map_err(|_| NOT_XML)?, namespace)
}

/// Where the parser stands: each element of the path in turn, the parameter last.
#[derive(Default)]
struct Position {
    depth: usize,
    parameter: Option<(String, String)>,
    parameters: Map<String, Value>,
    bodies: usize,
    methods: usize,
    in_header: bool,
}

fn parse(text: &str, namespace: &str) -> Result<Map<String, Value>, Malformed> {
    let mut reader = NsReader::from_str(text.trim_start_matches('\u{feff}'));
    reader.config_mut().expand_empty_elements = true;
    reader.config_mut().check_end_names = true;
    let mut position = Position::default();
    loop {
        match reader.read_resolved_event().map_err(|_| NOT_XML)? {
            (resolved, Event::Start(element)) => {
                if element.attributes().any(|attribute| attribute.is_err()) {
                    return Err(NOT_XML);
                }
                let name = element.local_name().into_inner().to_owned();
                position.open(&resolved, name, namespace)?;
            }
            (_, Event::End(_)) => position.close()?,
            (_, Event::Text(text)) => position.write(&text.xml10_content())?,
            (_, Event::CData(text)) => position.write(&text.xml10_content())?,
            (_, Event::GeneralRef(reference)) => position.write(&resolve(&reference)?)?,
            (_, Event::DocType(_)) => return Err(DOCTYPE),
            (_, Event::Eof) => break,
            (_, Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_)) => {}
        }
    }
    if position.depth != 0 {
        return Err(NOT_XML);
    }
    if position.methods != 1 {
        return Err(NOT_ENVELOPE);
    }
    Ok(position.parameters)
}

impl Position {
    fn open(&mut self, resolved: &ResolveResult<'_>, name: String, namespace: &str) -> Result<(), Malformed> {
        self.depth += 1;
        if self.in_header {
            return Ok(());
        }
        let is_in = |wanted: &str| matches!(resolved, ResolveResult::Bound(bound) if bound.0 == wanted);
        let is_right = match self.depth {
            1 => is_in(ENVELOPE) && name == "Envelope",
            2 if is_in(ENVELOPE) && name == "Header" => {
                self.in_header = true;
                self.bodies == 0
            }
            2 => {
                self.bodies += 1;
                is_in(ENVELOPE) && name == "Body" && self.bodies == 1
            }
            3 => {
                self.methods += 1;
                is_in(namespace) && name == METHOD
            }
            4 if is_in(namespace) && !self.parameters.contains_key(&name) => {
                self.parameter = Some((name, String::new()));
                true
            }
            _ => false,
        };
        if is_right { Ok(()) } else { Err(NOT_ENVELOPE) }
    }

    fn close(&mut self) -> Result<(), Malformed> {
        if let Some((name, text)) = self.parameter.take() {
            self.parameters.insert(name, Value::String(text));
        }
        self.in_header &= self.depth > 2;
        self.depth = self.depth.checked_sub(1).ok_or(NOT_XML)?;
        Ok(())
    }

    fn write(&mut self, text: &str) -> Result<(), Malformed> {
        // XML 1.0, 2.2: whether it is written out or as a reference.
        let is_allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
        if !text.chars().all(is_allowed) {
            return Err(NOT_XML);
        }
        match &mut self.parameter {
            Some((_, written)) => written.push_str(text),
            None if self.in_header || text.trim().is_empty() => {}
            None => return Err(NOT_ENVELOPE),
        }
        Ok(())
    }
}

fn resolve(reference: &BytesRef<'_>) -> Result<String, Malformed> {
    if let Some(character) = reference.resolve_char_ref().map_err(|_| NOT_XML)? {
        return Ok(character.to_string());
    }
    resolve_predefined_entity(&reference.xml10_content()).map(str::to_owned).ok_or(NOT_XML)
}

/// The answer to one call; with `escaped` the result holds its document as text.
pub(super) fn answer(
    namespace: &str,
    result: ResultElement,
    escaped: bool,
    decision: &Result<&Value, Value>,
) -> Reply {
    let document = match decision {
        Ok(wallet) => element("WALLET", wallet),
        Err(error) => element("E", error),
    };
    let content = if escaped {
        escape(format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>{document}")).into_owned()
    } else {
        document
    };
    let result = result.name();
    envelope(
        StatusCode::OK,
        &format!("<{METHOD}Response xmlns=\"{namespace}\"><{result}>{content}</{result}></{METHOD}Response>"),
    )
}

/// A SOAP fault for a request that is none.
pub(super) fn fault(malformed: Malformed) -> Reply {
    let reason = escape(malformed.reason);
    let fault = format!(
        "<soap:Fault><faultcode>soap:Client</faultcode><faultstring>{reason}</faultstring></soap:Fault>"
    );
    envelope(malformed.status, &fault)
}

fn envelope(status: StatusCode, content: &str) -> Reply {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
         <soap:Envelope xmlns:soap=\"{ENVELOPE}\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
         xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\"><soap:Body>{content}</soap:Body></soap:Envelope>"
    );
    Reply::xml(status, body)
}

/// An element whose children are the object's strings.
fn element(name: &str, object: &Value) -> String {
    let children = object.as_object().into_iter().flatten().map(|(name, value)| {
        let text = escape(value.as_str().unwrap_or_default());
        format!("<{name}>{text}</{name}>")
    });
    format!("<{name}>{}</{name}>", children.collect::<String>())
}
