//! SOAP 1.1, as little of it as Lemonway's two XML protocols need: one envelope out, one small tree in.
//!
//! What comes in is not trusted: document types are refused, depth and number of elements are capped, and only the
//! five predefined entities and character references are resolved.

use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use quick_xml::{Reader, Writer};

use super::super::exchange::BuildError;
use super::wire::{Claim, METHOD};

/// Deepest nesting that is followed: documented answers have five levels.
const DEPTH_MAX: usize = 32;
/// Most elements that are read: documented answers have fewer than ten.
const ELEMENTS_MAX: usize = 1_000;

const SOAP_NAMESPACE: &str = "http://schemas.xmlsoap.org/soap/envelope/";

/// The envelope of one call, everything escaped.
pub(super) fn soap(namespace: &str, elements: &[(&'static str, &str)]) -> Result<Vec<u8>, BuildError> {
    if let Some((name, _)) = elements.iter().find(|(_, text)| !text.chars().all(is_xml_char)) {
        return Err(BuildError::Form(name));
    }
    let written = write_soap(namespace, elements);
    Ok(written.expect("writing to memory cannot fail"))
}

fn write_soap(namespace: &str, elements: &[(&str, &str)]) -> std::io::Result<Vec<u8>> {
    let mut writer = Writer::new(Vec::new());
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("utf-8"), None)))?;
    let mut envelope = BytesStart::new("soap:Envelope");
    envelope.push_attribute(("xmlns:soap", SOAP_NAMESPACE));
    let mut method = BytesStart::new(METHOD);
    method.push_attribute(("xmlns", namespace));
    writer.write_event(Event::Start(envelope))?;
    writer.write_event(Event::Start(BytesStart::new("soap:Body")))?;
    writer.write_event(Event::Start(method))?;
    for (name, text) in elements {
        writer.write_event(Event::Start(BytesStart::new(*name)))?;
        writer.write_event(Event::Text(BytesText::new(text)))?;
        writer.write_event(Event::End(BytesEnd::new(*name)))?;
    }
    for name in [METHOD, "soap:Body", "soap:Envelope"] {
        writer.write_event(Event::End(BytesEnd::new(name)))?;
    }
    Ok(writer.into_inner())
}

/// May the character stand in an XML 1.0 document, escaped or not.
fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// What an XML answer says; `None` when it cannot be read or is a SOAP fault.
pub(super) fn claim(text: &str) -> Option<Claim> {
    let root = parse(text)?;
    if root.name != "Envelope" {
        // The document of the vendor's page, without an envelope.
        return claim_of(&Element { name: String::new(), text: String::new(), children: vec![root] });
    }
    let response = root.child("Body")?.children.iter().find(|child| child.name.ends_with("Response"))?;
    let result = response.children.iter().find(|child| child.name.ends_with("Result"))?;
    if !result.children.is_empty() {
        return claim_of(result);
    }
    let inner = parse(result.text.trim())?;
    claim_of(&Element { name: String::new(), text: String::new(), children: vec![inner] })
}

fn claim_of(result: &Element) -> Option<Claim> {
    let wallet = result.child("WALLET").and_then(|wallet| wallet.child("ID")).map(Element::trimmed);
    // An empty element is how a missing error object is written.
    let is_error =
        |child: &&Element| child.name == "E" && !(child.children.is_empty() && child.trimmed().is_empty());
    let error = result.children.iter().find(is_error);
    let code = error.and_then(|error| error.child("Code")).map(Element::trimmed);
    (wallet.is_some() || error.is_some()).then(|| Claim { failed: error.is_some(), code, wallet })
}

/// An element with its local name.
struct Element {
    name: String,
    text: String,
    children: Vec<Self>,
}

impl Element {
    /// The only child of that name; two of them would be two claims.
    fn child(&self, name: &str) -> Option<&Self> {
        let mut found = self.children.iter().filter(|child| child.name == name);
        found.next().filter(|_| found.next().is_none())
    }

    fn trimmed(&self) -> String {
        self.text.trim().to_owned()
    }
}

/// The root element of a document.
fn parse(text: &str) -> Option<Element> {
    let mut reader = Reader::from_str(text);
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    let mut elements = 0;
    loop {
        match reader.read_event().ok()? {
            Event::Start(tag) => {
                elements += 1;
                if open.len() >= DEPTH_MAX || elements > ELEMENTS_MAX || root.is_some() {
                    return None;
                }
                open.push(element(&tag));
            }
            Event::Empty(tag) => {
                elements += 1;
                if elements > ELEMENTS_MAX || root.is_some() {
                    return None;
                }
                close(element(&tag), &mut open, &mut root);
            }
            Event::End(_) => {
                let done = open.pop()?;
                close(done, &mut open, &mut root);
            }
            Event::Text(text) => add(&mut open, &text.xml10_content()),
            Event::CData(text) => add(&mut open, &text.xml10_content()),
            Event::GeneralRef(reference) => {
                if let Some(c) = reference.resolve_char_ref().ok()? {
                    add(&mut open, c.encode_utf8(&mut [0; 4]));
                } else {
                    add(&mut open, resolve_predefined_entity(&reference.xml10_content())?);
                }
            }
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::DocType(_) => return None,
            Event::Eof => return if open.is_empty() { root } else { None },
        }
    }
}

fn element(tag: &BytesStart<'_>) -> Element {
    Element { name: tag.local_name().as_ref().to_owned(), text: String::new(), children: Vec::new() }
}

fn close(done: Element, open: &mut [Element], root: &mut Option<Element>) {
    match open.last_mut() {
        Some(parent) => parent.children.push(done),
        None => *root = Some(done),
    }
}

fn add(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}
