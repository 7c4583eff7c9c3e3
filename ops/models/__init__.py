"""What operations do with published models and their versions: `tritone models`."""
