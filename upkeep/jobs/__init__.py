"""Work that goes on in bounded parts: jobs, the maintenance lane, setbacks of what fails."""
