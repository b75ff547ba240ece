//! Files and rows: encodings, headers, delimiters, quotes, line ends, JSON lines.

use crmsync::reader::{InputFile, ReaderSettings, Scanned};

/// What a file comes to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Verdict {
    /// How many rows, none invalid.
    Rows(u64),
    /// How many rows, and one invalid at this line for this reason.
    Bad(u64, u64, &'static str),
    /// The whole file is refused; its message holds this.
    Refused(&'static str),
}

use Verdict::{Bad, Refused, Rows};

/// Name of the file (its ending counts), its bytes, its verdict.
pub(crate) const FILES: &[(&str, &[u8], Verdict)] = &[
    // Encodings.
    ("ascii.csv", b"id;name\n1;Zoe\n", Rows(1)),
    ("utf-8.csv", "id;name\n1;Zoé\n".as_bytes(), Rows(1)),
    ("utf-8-mark.csv", b"\xef\xbb\xbfid;name\n1;Zo\xc3\xa9\n", Rows(1)),
    ("mark-and-quotes.csv", b"\xef\xbb\xbf\"id\";\"name\"\n\"1\";\"a\"\n", Rows(1)),
    ("windows-1252.csv", b"id;name\n1;Zo\xe9\n", Rows(1)),
    ("windows-euro.csv", b"id;name\n1;5 \x80\n", Rows(1)),
    ("utf-16le-mark.csv", b"\xff\xfei\0d\0;\0n\0\n\x001\0;\0a\0\n\0", Rows(1)),
    ("utf-16be-mark.csv", b"\xfe\xff\0i\0d\0;\0n\0\n\x001\0;\0a\0\n", Rows(1)),
    ("utf-16-no-mark.csv", b"i\0d\0;\0n\0\n\x001\0;\0a\0\n\0", Refused("UTF-16")),
    ("utf-16-half.csv", b"\xff\xfei\0d\0;\0n\0\n\x001\0;\0a\0\n", Refused("half")),
    ("emoji.csv", "id;name\n1;\u{1f600}\n".as_bytes(), Rows(1)),
    ("decomposed.csv", "id;name\n1;Zoe\u{301}\n".as_bytes(), Rows(1)),
    ("nothing.csv", b"", Refused("empty")),
    ("mark-alone.csv", b"\xef\xbb\xbf", Refused("empty")),
    ("blank-lines.csv", b"\n\r\n\n", Refused("empty")),
    ("spaces.csv", b"   \n", Refused("empty")),
    // Not text at all.
    ("workbook.csv", b"PK\x03\x04\x14\0\0\0", Refused("Excel")),
    ("old-workbook.csv", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Refused("Excel")),
    ("document.csv", b"%PDF-1.7\n", Refused("PDF")),
    ("xz.csv", b"\xfd7zXZ\0\0\0", Refused("xz")),
    ("bzip2.csv", b"BZh91AY&SY", Refused("bzip2")),
    ("gzip-cut.csv.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xcb", Refused("gzip")),
    ("zstd-cut.csv.zst", b"\x28\xb5\x2f\xfd\x04\x00", Refused("zstd")),
    // Headers.
    ("header-only.csv", b"id;name\n", Rows(0)),
    ("header-no-end.csv", b"id;name", Rows(0)),
    ("one-column.csv", b"customer_id\nC1\nC2\n", Rows(2)),
    ("header-spaces.csv", b" id ; name \n1;a\n", Rows(1)),
    ("header-twice.csv", b"id;id\n1;2\n", Refused("have one name")),
    ("header-empty-names.csv", b";;\n1;2;3\n", Refused("empty names")),
    ("header-one-empty.csv", b"id;;name\n1;2;3\n", Rows(1)),
    ("header-data.csv", b"1;2;3\n4;5;6\n", Refused("a row of data")),
    ("header-line-break.csv", b"id;\"first\nname\"\n1;a\n", Rows(1)),
    ("header-after-blanks.csv", b"\n\nid;name\n1;a\n", Rows(1)),
    ("header-quoted-whole.csv", b"\"id;name\"\n\"1;a\"\n", Refused("quoted as a whole")),
    ("header-after-sep.csv", b"sep=;\r\nid;name\r\n1;a\r\n", Rows(1)),
    ("empty-rows.csv", b"id;name\n1;a\n;\n;\n", Rows(1)),
    ("page.xls", b"<html><table><tr><td>id</td></tr></table></html>\n", Refused("HTML")),
    // Delimiters.
    ("comma.csv", b"id,name\n1,a\n", Rows(1)),
    ("tab.csv", b"id\tname\n1\ta\n", Rows(1)),
    ("pipe.csv", b"id|name\n1|a\n", Rows(1)),
    ("comma-in-cells.csv", b"id;name\n1;a,b\n2;c,d\n", Rows(2)),
    ("decimal-commas.csv", b"id;sum\n1;1,5\n2;2,5\n", Rows(2)),
    ("unknown-delimiter.csv", b"id:name\n1:a\n", Refused("delimiter")),
    // Line ends.
    ("crlf.csv", b"id;name\r\n1;a\r\n2;b\r\n", Rows(2)),
    ("cr.csv", b"id;name\r1;a\r2;b\r", Rows(2)),
    ("mixed-ends.csv", b"id;name\r\n1;a\n2;b\r\n", Rows(2)),
    ("no-last-end.csv", b"id;name\n1;a\n2;b", Rows(2)),
    ("blank-between.csv", b"id;name\n1;a\n\n2;b\n", Rows(2)),
    ("blank-at-end.csv", b"id;name\n1;a\n\n\n", Rows(1)),
    ("crlf-in-quotes.csv", b"id;name\r\n1;\"a\r\nb\"\r\n", Rows(1)),
    // Quotes.
    ("quoted.csv", b"id;name\n\"1\";\"a;b\"\n", Rows(1)),
    ("doubled.csv", b"id;name\n1;\"a \"\"b\"\"\"\n", Rows(1)),
    ("empty-quotes.csv", b"id;name\n1;\"\"\n", Rows(1)),
    ("quote-inside.csv", b"id;name\n1;5\" pipe\n", Rows(1)),
    ("quote-not-doubled.csv", b"id;name\n1;\"a \"b\" c\"\n2;b\n", Bad(1, 2, "not doubled")),
    ("quote-open.csv", b"id;name\n1;\"a\n2;b\n", Refused("quote opens here")),
    ("quote-open-last.csv", b"id;name\n1;a\n2;\"b", Refused("quote opens here")),
    // Rows.
    ("too-few.csv", b"id;name;city\n1;a;x\n2;b\n3;c;z\n", Bad(2, 3, "fields")),
    ("too-many.csv", b"id;name\n1;a\n2;b;x\n3;c\n", Bad(2, 3, "fields")),
    ("cut.csv", b"id;name;city\n1;a;x\n2;b", Refused("inside a record")),
    ("trailing-delimiter.csv", b"id;name;\n1;a;\n", Rows(1)),
    ("nul.csv", b"id;name\n1;a\0b\n", Rows(1)),
    ("same-row-twice.csv", b"id;name\n1;a\n1;a\n", Rows(2)),
    ("formula.csv", b"id;name\n1;=1+1\n", Rows(1)),
    // JSON lines.
    ("one.jsonl", b"{\"id\":1}\n", Rows(1)),
    ("no-last-end.jsonl", b"{\"id\":1}\n{\"id\":2}", Rows(2)),
    ("crlf.jsonl", b"{\"id\":1}\r\n{\"id\":2}\r\n", Rows(2)),
    ("blank-lines.jsonl", b"{\"id\":1}\n\n{\"id\":2}\n\n", Rows(2)),
    ("mark.jsonl", b"\xef\xbb\xbf{\"id\":1}\n", Rows(1)),
    ("nested.jsonl", b"{\"id\":1,\"a\":{\"b\":[1,2]}}\n", Rows(1)),
    ("escapes.jsonl", b"{\"id\":\"\\u00e9\\n\\ud83d\\ude00\"}\n", Rows(1)),
    ("lone-surrogate.jsonl", b"{\"id\":1}\n{\"id\":\"\\ud83d\"}\n", Bad(1, 2, "JSON")),
    ("big-number.jsonl", b"{\"id\":123456789012345678901234567890}\n", Rows(1)),
    ("empty-object.jsonl", b"{}\n", Rows(1)),
    ("array.jsonl", b"[{\"id\":1},{\"id\":2}]\n", Refused("jq -c '.[]'")),
    ("pretty.jsonl", b"{\n  \"id\": 1\n}\n", Refused("jq -c .")),
    ("scalar.jsonl", b"{\"id\":1}\n17\n", Bad(1, 2, "one JSON object")),
    ("array-line.jsonl", b"{\"id\":1}\n[1]\n", Bad(1, 2, "one JSON object")),
    ("key-twice.jsonl", b"{\"id\":1}\n{\"id\":2,\"id\":3}\n", Bad(1, 2, "twice")),
    ("trailing-comma.jsonl", b"{\"id\":1}\n{\"id\":2,}\n", Bad(1, 2, "JSON")),
    ("two-on-a-line.jsonl", b"{\"id\":1}\n{\"id\":2}{\"id\":3}\n", Bad(1, 2, "JSON")),
    ("single-quotes.jsonl", b"{\"id\":1}\n{'id':2}\n", Bad(1, 2, "JSON")),
    ("nan.jsonl", b"{\"id\":1}\n{\"id\":NaN}\n", Bad(1, 2, "JSON")),
    ("comment.jsonl", b"{\"id\":1}\n{\"id\":2} // two\n", Bad(1, 2, "JSON")),
    ("not-utf-8.jsonl", b"{\"id\":1}\n{\"id\":\"\xe9\xe9\"}\n", Rows(2)),
    ("cut.jsonl", b"{\"id\":1}\n{\"id\":2,\"na", Refused("inside a record")),
    ("cut-with-end.jsonl", b"{\"id\":1}\n{\"id\":2,\"na\n", Bad(1, 2, "not complete")),
    ("raw-tab.jsonl", b"{\"id\":1}\n{\"id\":\"a\tb\"}\n", Bad(1, 2, "JSON")),
];

/// Compares every file with its verdict, and names all that differ.
pub(crate) fn check() {
    let mut wrong = Vec::new();
    for (name, bytes, expected) in FILES {
        let found = read(name, bytes);
        let fits = match (&found, expected) {
            (Ok((rows, None)), Rows(wanted)) => rows == wanted,
            (Ok((rows, Some((line, reason)))), Bad(wanted, at, why)) => {
                rows == wanted && line == at && reason.contains(why)
            }
            (Err(message), Refused(why)) => message.contains(why),
            (Ok(_) | Err(_), Rows(_) | Bad(..) | Refused(_)) => false,
        };
        if !fits {
            wrong.push(format!("{name}: expected {expected:?}, found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

type Found = (u64, Option<(u64, String)>);

/// The number of rows and the one bad row, or why the file is refused.
fn read(name: &str, bytes: &[u8]) -> Result<Found, String> {
    let settings = ReaderSettings::default();
    let input = InputFile::from_reader(name, bytes, &settings).map_err(|error| error.to_string())?;
    let (mut rows, mut bad) = (0, None);
    for scanned in input.scan().map_err(|error| error.to_string())? {
        match scanned.map_err(|error| error.to_string())? {
            Scanned::Row(_) => rows += 1,
            Scanned::Bad(row) => bad = Some((row.span.line, row.reason)),
        }
    }
    Ok((rows, bad))
}
