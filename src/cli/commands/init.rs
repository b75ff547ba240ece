//! `init`: a commented configuration to start from. Never overwrites one.

use crate::cli::Program;
use crate::cli::arguments::InitArguments;
use crate::cli::exit::ExitCode;
use crate::cli::failure::Failure;
use crate::report::run_files::write_new_private;

/// The commented configuration. A line that begins with `#` and no space is a setting to be uncommented.
const TEMPLATE: &str = include_str!("init_template.toml");

/// Writes the configuration file.
pub(super) fn init(program: &Program, _arguments: &InitArguments) -> Result<ExitCode, Failure> {
    let path = &program.global.config;
    if path.exists() {
        let message = format!("`{}` is there already; name another one with --config", path.display());
        return Err(Failure::usage(message));
    }
    write_new_private(path, TEMPLATE.as_bytes())?;
    let shown = path.display();
    program.console.talk(&format!("wrote {shown}; uncomment the providers you have\nnext: crmsync check"))?;
    Ok(ExitCode::Complete)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::config::Config;

    #[test]
    fn the_template_says_the_defaults() {
        let written = Config::parse(TEMPLATE, "template").unwrap();
        let default = Config::default();
        assert_eq!(written.input, default.input);
        assert_eq!(written.columns, default.columns);
        assert_eq!(written.state, default.state);
        assert_eq!(written.guard, default.guard);
        assert_eq!(written.dispatch, default.dispatch);
    }

    #[test]
    fn every_commented_setting_is_one() {
        let uncomment = |line: &str| match line.strip_prefix('#') {
            Some(setting) if !setting.starts_with(' ') => setting.to_owned(),
            Some(_) | None => line.to_owned(),
        };
        let all: Vec<String> = TEMPLATE.lines().map(uncomment).collect();
        if let Err(error) = Config::parse(&all.join("\n"), "template") {
            unreachable!("{error}");
        }
    }
}
