"""What people write into the register."""
