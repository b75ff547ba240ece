//! SOAP 1.1, as little of it as Lemonway's two XML protocols need: one envelope out, one small tree in.
//!
//! What comes in is not trusted: document types are refused, depth and number of elements are capped, and only the
//! five predefined entities and character references are resolved.

use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};
use quick_xml::name::QName;
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
    if let Some((name, _)) = elements.iter().find(|(_, text)| !can_hold(text)) {
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

/// Whether the text may stand in an XML 1.0 document (2.2), escaped or not.
pub(super) fn can_hold(text: &str) -> bool {
    let is_allowed = |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
    text.chars().all(is_allowed)
}

/// What an XML answer says; `None` when it cannot be read, is a SOAP fault, or says more than one thing.
pub(super) fn claim(text: &str) -> Option<Claim> {
    let root = parse(text)?;
    if root.name != "Envelope" {
        // The document of the vendor's page, without an envelope.
        return claim_of(&[root]);
    }
    let is_of_envelope = |part: &Element| ["Header", "Body"].contains(&&*part.name);
    if !root.children.iter().all(is_of_envelope) {
        return None;
    }
    let [response] = &*root.child("Body")?.children else { return None };
    if response.name.strip_suffix("Response") != Some(METHOD) {
        return None;
    }
    if response.children.iter().any(Element::is_error) {
        return claim_of(&response.children);
    }
    // What is no error is how a missing one is written.
    let mut others = response.children.iter().filter(|child| child.name != "E");
    let (Some(result), None) = (others.next(), others.next()) else { return None };
    if !result.name.ends_with("Result") {
        return None;
    }
    match (&*result.children, result.trimmed().as_str()) {
        ([], text) => claim_of(&[parse(text)?]),
        (children, "") => claim_of(children),
        _ => None,
    }
}

/// An error wins over a wallet, beside or in it. One that stands deeper says that something is wrong, and not with what.
fn claim_of(elements: &[Element]) -> Option<Claim> {
    let wallet = only(elements, "WALLET");
    let inside = wallet.map(|wallet| &*wallet.children).unwrap_or_default();
    let error = elements.iter().chain(inside).find(|element| element.is_error());
    if error.is_none() && elements.iter().any(Element::has_error_below) {
        return None;
    }
    let code = error.and_then(|error| only(&error.children, "Code")).map(Element::trimmed);
    let wallet = only(inside, "ID").filter(|id| id.children.is_empty()).map(Element::trimmed);
    (wallet.is_some() || error.is_some()).then(|| Claim { failed: error.is_some(), code, wallet })
}

/// The only one of that name; two of them would be two claims.
fn only<'a>(elements: &'a [Element], name: &str) -> Option<&'a Element> {
    let mut found = elements.iter().filter(|element| element.name == name);
    found.next().filter(|_| found.next().is_none())
}

/// An element with its local name.
struct Element {
    name: String,
    text: String,
    children: Vec<Self>,
    /// Whether it has attributes that say something.
    has_attributes: bool,
}

impl Element {
    fn child(&self, name: &str) -> Option<&Self> {
        only(&self.children, name)
    }

    /// An empty element is how a missing error object is written.
    fn is_error(&self) -> bool {
        let is_empty = self.children.is_empty() && self.trimmed().is_empty() && !self.has_attributes;
        self.name == "E" && !is_empty
    }

    fn has_error_below(&self) -> bool {
        self.children.iter().any(|child| child.is_error() || child.has_error_below())
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
            Event::Text(text) => add(&mut open, &text.xml10_content())?,
            Event::CData(text) => add(&mut open, &text.xml10_content())?,
            Event::GeneralRef(reference) => {
                if let Some(c) = reference.resolve_char_ref().ok()? {
                    add(&mut open, c.encode_utf8(&mut [0; 4]))?;
                } else {
                    add(&mut open, resolve_predefined_entity(&reference.xml10_content())?)?;
                }
            }
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::DocType(_) => return None,
            Event::Eof => return if open.is_empty() { root } else { None },
        }
    }
}

fn element(tag: &BytesStart<'_>) -> Element {
    let says_something = |name: QName<'_>| {
        let (name, prefix) = (name.local_name(), name.prefix());
        !matches!(name.as_ref(), "nil" | "type" | "xmlns") && prefix.is_none_or(|prefix| !prefix.is_xmlns())
    };
    let has_attributes = tag.attributes().any(|found| found.is_ok_and(|found| says_something(found.key)));
    Element {
        name: tag.local_name().as_ref().to_owned(),
        text: String::new(),
        children: Vec::new(),
        has_attributes,
    }
}

fn close(done: Element, open: &mut [Element], root: &mut Option<Element>) {
    match open.last_mut() {
        Some(parent) => parent.children.push(done),
        None => *root = Some(done),
    }
}

/// Text outside of all elements makes a document none.
fn add(open: &mut [Element], text: &str) -> Option<()> {
    match open.last_mut() {
        Some(element) => element.text.push_str(text),
        None if text.trim_matches('\u{feff}').trim().is_empty() => {}
        None => return None,
    }
    Some(())
}
