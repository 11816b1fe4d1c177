//! Shell completions and manual pages, from the same description that parses the command line.

use clap::{Command, ValueEnum};
use clap_complete::Shell;
use std::io::{self, Write};

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
    /// Writes the script or page for `command`.
    pub fn write(self, command: &Command, out: &mut impl Write) -> io::Result<()> {
        let shell = match self {
            Self::Bash => Shell::Bash,
            Self::Zsh => Shell::Zsh,
            Self::Fish => Shell::Fish,
            Self::Man => return clap_mangen::Man::new(command.clone()).render(out),
        };
        let mut script = Vec::new();
        let name = command.get_name().to_owned();
        clap_complete::generate(shell, &mut command.clone(), name, &mut script);
        out.write_all(&script)
    }
}
