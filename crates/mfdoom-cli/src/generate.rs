//! Shell completions and manual pages, from the same description that parses the command line.

use std::io::{self, Write};

use clap::{Command, ValueEnum};
use clap_complete::Shell;

/// What `--generate` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Generate {
    /// A completion script for bash.
    Bash,
    /// A completion script for zsh.
    Zsh,
    /// A completion script for fish.
    Fish,
    /// The manual page, in roff.
    Man,
}

impl Generate {
    /// Writes the script for `command`, or the manual page of its subcommand of these `names`, of itself where there
    /// are none.
    pub fn write(self, command: &Command, names: &[String], out: &mut impl Write) -> io::Result<()> {
        let shell = match self {
            Self::Bash => Shell::Bash,
            Self::Zsh => Shell::Zsh,
            Self::Fish => Shell::Fish,
            Self::Man => {
                let mut whole = command.clone();
                whole.build();
                let page = names.iter().try_fold(&whole, |command, name| command.find_subcommand(name));
                return clap_mangen::Man::new(page.unwrap_or(command).clone()).render(out);
            }
        };
        let mut script = Vec::new();
        let name = command.get_name().to_owned();
        clap_complete::generate(shell, &mut command.clone(), name, &mut script);
        out.write_all(&script)
    }
}
